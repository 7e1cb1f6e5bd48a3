package io.ncf.jni;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Finds and loads the native library, once per class loader.
 *
 * <p>The system property {@code ncf.native.path} or else the environment variable {@code
 * NCF_NATIVE_PATH} names the file; without them the copy inside the jar is used, at {@code
 * native/<os>-<arch>/}. That copy is extracted into a private folder with a name that cannot be
 * guessed and, where the platform allows it, deleted as soon as it is loaded.
 *
 * <p>A JVM loads a file for one class loader only. Several may load this class, such as those of the
 * sessions of Spark Connect: each gets a copy of its own, of the named file too if need be.
 */
public final class NativeLibrary {
  /** System property with the path of the library. */
  public static final String PATH_PROPERTY = "ncf.native.path";

  /** Environment variable with the path of the library. */
  public static final String PATH_VARIABLE = "NCF_NATIVE_PATH";

  private static volatile NcfException failure;

  private NativeLibrary() {}

  /** Loads the library unless it is loaded; a failure is thrown again on every call. */
  public static void load() {
    try {
      Native.protocolVersion();
    } catch (LinkageError error) {
      NcfException known = failure;
      throw known != null
          ? known
          : new NcfInternalException("the native library of NCF failed: " + error, error);
    }
  }

  /** Called by the initialiser of {@link Native}, hence once. */
  static void initialize() {
    try {
      String override = System.getProperty(PATH_PROPERTY, System.getenv(PATH_VARIABLE));
      if (override != null && !override.isEmpty()) {
        loadFile(Path.of(override).toAbsolutePath());
      } else {
        loadResource();
      }
      check();
    } catch (NcfException error) {
      failure = error;
      throw error;
    }
  }

  private static void check() {
    int version = Native.protocolVersion();
    if (version != Native.PROTOCOL_VERSION) {
      throw new NcfUnsupportedException(
          String.format(
              "the native library speaks protocol %d and this jar protocol %d; %s",
              version, Native.PROTOCOL_VERSION, sameBuild()));
    }
  }

  private static void loadFile(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new NcfInvalidArgumentException(
          String.format(
              "there is no native library at %s, which %s or %s names; correct it, or unset it to use the one in the jar",
              file, PATH_PROPERTY, PATH_VARIABLE));
    }
    try {
      link(file);
    } catch (NcfUnsupportedException refused) {
      // Perhaps because another class loader has it. The copy fails for any other reason as well.
      try (InputStream bytes = Files.newInputStream(file)) {
        loadCopy(bytes);
      } catch (IOException | NcfException again) {
        refused.addSuppressed(again);
        throw refused;
      }
    }
  }

  private static void loadResource() {
    String resource = "/native/" + platform() + "/" + fileName();
    try (InputStream bytes = NativeLibrary.class.getResourceAsStream(resource)) {
      if (bytes == null) {
        throw new NcfUnsupportedException(
            String.format(
                "the NCF jar holds no native library for %s (%s is missing); build ncf-jni on this platform and name the file with -D%s or %s",
                platform(), resource.substring(1), PATH_PROPERTY, PATH_VARIABLE));
      }
      if (platform().equals("linux-amd64")) {
        Processor.check();
      }
      loadCopy(bytes);
    } catch (IOException error) {
      throw new NcfIoException(
          String.format(
              "the native library could not be extracted to %s (%s); free space there, set -Djava.io.tmpdir, or name a library with -D%s",
              System.getProperty("java.io.tmpdir"), error, PATH_PROPERTY),
          error);
    }
  }

  private static void loadCopy(InputStream bytes) throws IOException {
    // Random name and, on POSIX, mode 0700: nobody else can place or change a file in it.
    Path folder = Files.createTempDirectory("ncf-native-");
    Path file = folder.resolve(fileName());
    try {
      Files.copy(bytes, file);
      link(file);
    } finally {
      delete(file);
      delete(folder);
    }
  }

  private static void link(Path file) {
    try {
      System.load(file.toString());
    } catch (LinkageError error) {
      throw new NcfUnsupportedException(
          String.format(
              "the native library %s cannot be loaded on %s (%s); if its folder forbids execution set -Djava.io.tmpdir, else %s",
              file, platform(), error.getMessage(), sameBuild()),
          error);
    }
  }

  private static String sameBuild() {
    return String.format(
        "use a library and a jar of the same build (is %s or %s set to an old file?)",
        PATH_PROPERTY, PATH_VARIABLE);
  }

  /** A loaded library cannot be deleted on Windows: there it goes when the JVM does. */
  private static void delete(Path path) {
    try {
      Files.deleteIfExists(path);
    } catch (IOException error) {
      path.toFile().deleteOnExit();
    }
  }

  /** {@code linux-amd64}: the folder of this platform's library inside the jar. */
  static String platform() {
    return operatingSystem() + "-" + System.getProperty("os.arch");
  }

  private static String operatingSystem() {
    String name = System.getProperty("os.name").toLowerCase(Locale.ROOT);
    if (name.startsWith("windows")) {
      return "windows";
    }
    return name.startsWith("mac") ? "darwin" : name.replace(' ', '_');
  }

  private static String fileName() {
    switch (operatingSystem()) {
      case "windows":
        return "ncf_jni.dll";
      case "darwin":
        return "libncf_jni.dylib";
      default:
        return "libncf_jni.so";
    }
  }
}
