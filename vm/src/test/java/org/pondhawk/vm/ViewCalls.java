package org.pondhawk.vm;

import java.lang.foreign.MemorySegment;
import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Calls every public access of a view with arguments that are good but for one, whatever its
/// shape.
///
/// The shape of a method says what each parameter is: `A` an address, `B` a count of bytes, `V` a
/// value, `O` a byte order, `X` an array, `I` an index and `N` a count in it, `S` a segment and `F`
/// an offset in it, `U` a buffer, `W` a view, `L` a length which is not 0 and `M` the mode of a
/// lease.
final class ViewCalls {
  static final int BYTES = 16;

  /// What has tests of its own, since it has no address: [ViewMisuseTest], [ViewTest] and
  /// [PageLeaseTest].
  static final Set<String> WITHOUT_ADDRESS =
      Set.of("setDeadline", "clearDeadline", "nice", "setNice", "close", "mostLeasedPages");

  private ViewCalls() {}

  /// The public methods of a class and those above it, but for those of `Object`.
  static List<Method> methodsOf(Class<?> type) {
    return Stream.of(type.getMethods())
        .filter(m -> m.getDeclaringClass() != Object.class)
        .filter(m -> !Modifier.isStatic(m.getModifiers()) && !m.isBridge())
        .toList();
  }

  /// The accesses that a view has.
  static List<Method> accesses() {
    return methodsOf(View.class).stream().filter(m -> shape(m) != null).toList();
  }

  /// The shape of a method, or null if nobody has said it.
  static @Nullable String shape(Method method) {
    Class<?>[] types = method.getParameterTypes();
    String shape = shape(method.getName(), Arrays.asList(types));
    return shape != null && shape.length() == types.length ? shape : null;
  }

  private static @Nullable String shape(String name, List<Class<?>> types) {
    boolean array = types.stream().anyMatch(Class::isArray);
    boolean segment = types.contains(MemorySegment.class);
    boolean ordered = types.contains(ByteOrder.class);
    return switch (name) {
      case "copyTo", "tryCopyTo" -> array ? "AXIN" : segment ? "ASFB" : "AU";
      case "copyFrom", "tryCopyFrom" -> array ? "XINA" : segment ? "SFBA" : "UA";
      case "fill", "indexOf" -> "ABV";
      case "copy", "mismatch", "compare" ->
          segment ? "ASFB" : types.contains(View.class) ? "AWAB" : "AAB";
      case "window" -> "AB";
      case "lease" -> types.size() == 2 ? "AM" : "ALM";
      case "isResident" -> "A";
      case "tryGetLong" -> "AV";
      default -> {
        if (name.startsWith("compareAnd")) {
          yield "AVV";
        } else if (name.startsWith("getAnd")) {
          yield "AV";
        } else if (name.startsWith("get")) {
          yield ordered ? "AO" : "A";
        }
        yield name.startsWith("put") ? ordered ? "AVO" : "AV" : null;
      }
    };
  }

  /// Whether a method is atomic, so that addresses must be multiples of its size.
  static boolean isAligned(Method method) {
    return method.getName().matches(".*(Opaque|Acquire|Release|Volatile)|(compare|get)And.*");
  }

  /// Whether a method never faults: nothing mapped is an answer.
  static boolean neverFaults(Method method) {
    return method.getName().matches("is.*|try.*");
  }

  /// The places of the parameters of some kinds.
  static List<Integer> placesOf(Method method, String kinds) {
    String shape = String.valueOf(shape(method));
    return Stream.iterate(0, i -> i < shape.length(), i -> i + 1)
        .filter(i -> kinds.indexOf(shape.charAt(i)) >= 0)
        .toList();
  }

  /// Arguments that are good: sixteen bytes, or one value, at an address or two.
  static Object[] arguments(Method method, View view, long address) {
    Class<?>[] types = method.getParameterTypes();
    String shape = String.valueOf(shape(method));
    Object[] arguments = new Object[types.length];
    int elements = 0;
    for (int i = 0; i < types.length; i++) {
      arguments[i] =
          switch (shape.charAt(i)) {
            case 'A' -> address;
            case 'B', 'L' -> (long) BYTES;
            case 'F' -> 0L;
            case 'I' -> 0;
            case 'M' -> LeaseMode.WRITE;
            case 'N' -> elements;
            case 'O' -> ByteOrder.BIG_ENDIAN;
            case 'S' -> MemorySegment.ofArray(new byte[BYTES]);
            case 'U' -> ByteBuffer.allocate(BYTES);
            case 'W' -> view;
            case 'X' -> Array.newInstance(types[i].componentType(), 2);
            default -> value(types[i]);
          };
      elements = shape.charAt(i) == 'X' ? 2 : elements;
    }
    return arguments;
  }

  private static Object value(Class<?> type) {
    return switch (type.getName()) {
      case "byte" -> (byte) 1;
      case "short" -> (short) 1;
      case "char" -> 'a';
      case "int" -> 1;
      case "float" -> 1f;
      case "double" -> 1d;
      default -> 1L;
    };
  }

  /// Calls a method; a window is moved to its page, and what it opens is closed.
  ///
  /// @return what was thrown, or null
  static @Nullable Throwable call(View view, Method method, Object... arguments) {
    try {
      Object result = method.invoke(view, arguments);
      if (result instanceof PageWindow window) {
        window.next();
        window.close();
      } else if (result instanceof PageLease lease) {
        lease.close();
      }
      return null;
    } catch (InvocationTargetException e) {
      return e.getCause();
    } catch (RuntimeException e) {
      return e;
    } catch (IllegalAccessException e) {
      throw new AssertionError(e);
    }
  }
}
