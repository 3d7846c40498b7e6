package org.pondhawk.bench;

import java.io.StringWriter;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// Rows for programs: one JSON array on one line. What was not measured is null.
final class RowsJson {
  private static final double PLACES = 1e4;

  private RowsJson() {}

  static String render(List<Row> rows) {
    var text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
      json.writeStartArray();
      rows.forEach(row -> row(json, row));
      json.writeEndArray();
    }
    return text + System.lineSeparator();
  }

  private static void row(JsonGenerator json, Row row) {
    json.writeStartObject();
    json.writeStringProperty("what", row.what());
    json.writeNumberProperty("ours", rounded(row.ours()));
    json.writeStringProperty("unit", row.unit().sign());
    json.writeStringProperty("against", row.against());
    number(json, "theirs", row.theirs());
    number(json, "ratio", row.ratio());
    json.writeEndObject();
  }

  private static void number(JsonGenerator json, String name, @Nullable Double value) {
    if (value == null) {
      json.writeNullProperty(name);
    } else {
      json.writeNumberProperty(name, rounded(value));
    }
  }

  private static double rounded(double value) {
    return Math.round(value * PLACES) / PLACES;
  }
}
