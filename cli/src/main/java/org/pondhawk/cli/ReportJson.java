package org.pondhawk.cli;

import java.io.StringWriter;
import org.pondhawk.replay.MachineFigures;
import org.pondhawk.replay.ProcessReport;
import org.pondhawk.replay.ReplayReport;
import org.pondhawk.replay.ReplaySettings;
import org.pondhawk.replay.StageTimes;
import org.pondhawk.replay.WrongPlace;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.json.JsonFactory;

/// The report of a replay for programs: one JSON object on one line.
final class ReportJson {
  private static final double NANOS = 1e9;
  private static final double MILLIS = 1e3;

  private ReportJson() {}

  static String render(ReplayReport report) {
    var text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(ObjectWriteContext.empty(), text)) {
      json.writeStartObject();
      outcome(json, report);
      settings(json, report.settings());
      figures(json, report.figures());
      times(json, report.times());
      json.writeArrayPropertyStart("processes");
      report.processes().forEach(process -> process(json, process));
      json.writeEndArray();
      json.writeEndObject();
    }
    return text + System.lineSeparator();
  }

  private static void outcome(JsonGenerator json, ReplayReport report) {
    json.writeBooleanProperty("good", report.isGood());
    json.writeStringProperty("check", report.check());
    json.writeBooleanProperty("stopped", report.stopped());
    json.writeStringProperty("failure", report.failure());
    json.writeNumberProperty("references", report.references());
    json.writeNumberProperty("writes", report.writes());
    json.writeNumberProperty("references_per_second", Math.round(report.referencesPerSecond()));
    json.writeNumberProperty("checked_bytes", report.checkedBytes());
    json.writeNumberProperty("wrong_bytes", report.wrongBytes());
    json.writeNumberProperty("unchecked_bytes", report.uncheckedBytes());
    json.writeNumberProperty("footprint_bytes", report.footprintBytes());
  }

  private static void settings(JsonGenerator json, ReplaySettings settings) {
    json.writeNumberProperty("memory_bytes", settings.memoryBytes());
    json.writeNumberProperty("swap_bytes", settings.swapBytes());
    json.writeNumberProperty("page_size", settings.pageSize());
    json.writeNumberProperty("cpus", settings.cpus());
    json.writeStringProperty("topology", settings.topology());
    json.writeNumberProperty("seed", settings.seed());
  }

  private static void figures(JsonGenerator json, MachineFigures figures) {
    json.writeNumberProperty("page_count", figures.pageCount());
    json.writeNumberProperty("faults_minor", figures.faultsMinor());
    json.writeNumberProperty("faults_major", figures.faultsMajor());
    json.writeNumberProperty("zero_fills", figures.zeroFills());
    json.writeNumberProperty("pages_in", figures.pagesIn());
    json.writeNumberProperty("pages_out", figures.pagesOut());
    json.writeNumberProperty("swap_ins", figures.swapIns());
    json.writeNumberProperty("swap_outs", figures.swapOuts());
    json.writeNumberProperty("swap_peak_bytes", figures.swapPeakBytes());
    json.writeNumberProperty("page_scans", figures.pageScans());
    json.writeNumberProperty("memory_waits", figures.memoryWaits());
  }

  private static void times(JsonGenerator json, StageTimes times) {
    json.writeNumberProperty("elapsed_seconds", seconds(times.elapsedNanos()));
    json.writeNumberProperty("preload_seconds", seconds(times.preloadNanos()));
    json.writeNumberProperty("replay_seconds", seconds(times.replayNanos()));
    json.writeNumberProperty("check_seconds", seconds(times.checkNanos()));
  }

  private static void process(JsonGenerator json, ProcessReport process) {
    json.writeStartObject();
    json.writeStringProperty("name", process.name());
    json.writeStringProperty("failure", process.failure());
    json.writeNumberProperty("references", process.references());
    json.writeNumberProperty("writes", process.writes());
    json.writeNumberProperty("passes", process.passes());
    json.writeNumberProperty("checked_bytes", process.checkedBytes());
    json.writeNumberProperty("wrong_bytes", process.wrongBytes());
    json.writeNumberProperty("unchecked_bytes", process.uncheckedBytes());
    json.writeNumberProperty("footprint_bytes", process.footprintBytes());
    json.writeArrayPropertyStart("wrong_places");
    process.wrongPlaces().forEach(place -> wrongPlace(json, place));
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void wrongPlace(JsonGenerator json, WrongPlace place) {
    json.writeStartObject();
    json.writeNumberProperty("page_address", place.pageAddress());
    json.writeNumberProperty("offset", place.offset());
    json.writeStringProperty("expected", Long.toHexString(place.expected()));
    json.writeStringProperty("found", Long.toHexString(place.found()));
    json.writeBooleanProperty("at_the_end", place.atTheEnd());
    json.writeEndObject();
  }

  /// To the millisecond.
  private static double seconds(long nanos) {
    return Math.round(nanos / NANOS * MILLIS) / MILLIS;
  }
}
