package io.ncf.jni;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** Whether this processor has what the library in the jar was built for: better a sentence than a crash. */
final class Processor {
  /** What x86-64-v3 has beyond x86-64-v2, in the words of {@code /proc/cpuinfo}, where abm stands for LZCNT. */
  private static final List<String> FEATURES =
      List.of("abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe");

  private Processor() {}

  /** Throws where the processor is known to lack something. */
  static void check() {
    List<String> missing;
    try {
      missing = missing(Files.readAllLines(Path.of("/proc/cpuinfo")));
    } catch (IOException unknown) {
      return;
    }
    if (!missing.isEmpty()) {
      throw new NcfUnsupportedException(
          String.format(
              "this processor has no %s, or its virtual machine hides it, and the native library in the NCF jar is for x86-64-v3 (Core and Xeon since Haswell, AMD since Excavator); build ncf-jni with RUSTFLAGS=\"-C target-cpu=x86-64\" and name the file with -D%s or %s",
              String.join(", ", missing),
              NativeLibrary.PATH_PROPERTY,
              NativeLibrary.PATH_VARIABLE));
    }
  }

  /** The features that are missing; none where the lines do not say which there are. */
  static List<String> missing(List<String> cpuinfo) {
    for (String line : cpuinfo) {
      int colon = line.indexOf(':');
      if (colon > 0 && line.substring(0, colon).strip().equals("flags")) {
        Set<String> flags = new HashSet<>(Arrays.asList(line.substring(colon + 1).strip().split("\\s+")));
        return FEATURES.stream().filter(one -> !flags.contains(one)).collect(Collectors.toList());
      }
    }
    return List.of();
  }
}
