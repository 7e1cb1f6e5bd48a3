package io.ncf.jni;

/**
 * The native methods of the library {@code ncf_jni}: the whole boundary between the JVM and Rust.
 *
 * <p>The control plane speaks JSON (one request object in, one answer object out), the data plane
 * speaks structs of the Arrow C Data Interface by address (see {@link ArrowLayout}). Every method
 * throws an {@link NcfException} and nothing else; a panic in Rust becomes an {@link
 * NcfInternalException} and leaves the JVM alive.
 *
 * <p>Where a method takes a {@link JvmStorage}, null stands for the local file system, which native
 * code uses itself. Any other gets every path of the request, and is called up on the caller's
 * thread; {@link #planScan} also calls from threads that it attaches. Where it takes a {@link
 * JvmTask}, null stands for work that is never interrupted; other work ends with an {@link
 * NcfInterruptedException} before the page after the interruption.
 *
 * <p>Handles are numbers made of a slot and a generation, never pointers: a stale handle gives an
 * {@link NcfInvalidArgumentException}. A handle serves one thread at a time.
 *
 * <p>The library is loaded when this class is initialised, by {@link NativeLibrary}; call {@link
 * NativeLibrary#load()} first where a missing library should give a plain {@link NcfException}. The
 * Rust side of this table, {@code registration.rs}, is generated from this class by {@code ./sbt
 * nativeBindings}.
 */
public final class Native {
  /** Version of this surface. The library answers the one it was built for; both must be equal. */
  public static final int PROTOCOL_VERSION = 6;

  // The only initialiser on the way to the library: two that wait for each other would deadlock.
  static {
    NativeLibrary.initialize();
  }

  private Native() {}

  /** The {@link #PROTOCOL_VERSION} that the library was built for. */
  static native int protocolVersion();

  /**
   * Describes a table, a bare directory or a file.
   *
   * @param request {@code {"path","options":{}}}; other members are ignored
   * @return {@code {"kind":"table|directory|file|absent|empty|foreign","id","version","timestamp","schema",
   *     "partitionColumns","rows","bytes","files","properties"}}
   */
  public static native String openDataset(String request, JvmStorage storage);

  /**
   * Prunes files, blocks and runs of rows and cuts the rest into splits.
   *
   * @param request {@code {"path","options","version","versionFrom","columns","filter","schema",
   *     "sample","maxSplitBytes","openCostBytes","parallelism","estimateWindows","summarise",
   *     "order":"ignored|wanted|kept"}}; the schema stands in for the dataset's
   * @return {@code {"filesPlanned","filesPruned","blocksPlanned","blocksPruned","vectorsPlanned",
   *     "vectorsPruned","rowRuns","planningIndexBytes","rows","bytes","rawBytes",
   *     "splits":[{"rows","bytes","task",…}],"ordering":[{"column","descending","nullsFirst"}],
   *     "estimatedRows","summaries":{}}}; a split is opaque, and those of one task follow one another
   */
  public static native String planScan(String request, JvmStorage storage);

  /**
   * Finds out which predicates scans may evaluate: those in which no row can make a computation leave
   * its type, by the types and the bounds of the columns.
   *
   * @param request {@code {"path","options","version","schema","predicates"}}
   * @return {@code {"proven":[boolean for each predicate]}}
   */
  public static native String provePredicates(String request, JvmStorage storage);

  /**
   * Opens the scan of one split.
   *
   * @param request {@code {"split","columns","schema","filter","filterSchema","sample","limit",
   *     "options","batchRows"}}; structs in the schema may lack fields that the filter names, as
   *     filterSchema has them
   * @param memory who grants its memory besides the option memoryLimit; null for nobody
   * @param task asked before each page whether to go on; null is never killed
   * @return a handle for {@link #nextBatch}
   */
  static native long openScan(
      String request, JvmStorage storage, JvmMemory memory, JvmTask task);

  /**
   * Decodes the next batch.
   *
   * @return the address of an {@code ArrowArray} (a struct array with one child per column) that the
   *     scan owns and that is valid until the next call of this method or {@link #closeScan}; 0 at
   *     the end. A batch may have 0 rows, so that the caller can poll for interruption: call again
   */
  static native long nextBatch(long scan);

  /** The scan's counters so far, as JSON. */
  static native String scanMetrics(long scan);

  /**
   * Ends the scan and frees all of it but the current batch, which stays valid until {@link
   * #closeScan}: the next batch is 0.
   */
  static native void keepBatch(long scan);

  /** Frees the scan and its current batch. Does nothing when the handle is gone. */
  static native void closeScan(long scan);

  /**
   * Opens a new file for writing.
   *
   * @param request {@code {"file":absolute path or URL,"schema":{"fields":[…]},"options":{},
   *     "sortedBy":[{"column","descending","nullsFirst"}]}}
   * @param memory who grants its memory besides the option memoryLimit; null for nobody
   * @param task asked before each page whether to go on; null is never killed
   * @return a handle for {@link #writeBatch}
   */
  static native long openWriter(
      String request, JvmStorage storage, JvmMemory memory, JvmTask task);

  /**
   * Appends rows.
   *
   * @param array address of an {@code ArrowArray} of the schema's types, built by {@link
   *     BatchBuilder}. It is checked and copied before this method returns
   */
  static native void writeBatch(long writer, long array);

  /** Address of a C function that does nothing, for the {@code release} member of our own structs. */
  static native long noopRelease();

  /**
   * Makes the file durable, reads its footer back and checks it. The handle is gone afterwards, also
   * when this fails.
   *
   * @return the summary of the file, which {@link #commit} takes
   */
  static native String finishWriter(long writer);

  /** Deletes the unfinished file. Does nothing when the handle is gone. */
  static native void abortWriter(long writer);

  /**
   * Commits files to a table.
   *
   * @param request {@code {"path","operation":"append|overwrite|create|replace",
   *     "schema","partitionColumns","adds":[{"path","summary","partitionValues"}],"readVersion",
   *     "app","properties","partition"}}; {@code partition} has the values of what is replaced
   * @return {@code {"version","already"}}
   */
  public static native String commit(String request, JvmStorage storage);

  /**
   * Deletes files of a write that provably failed; best effort.
   *
   * @param request {@code {"files":[absolute paths or URLs]}}
   * @return {@code {"deleted":n,"failed":[{"file","message"}]}}
   */
  public static native String deleteFiles(String request, JvmStorage storage);

  /**
   * What happened between two versions.
   *
   * @param request {@code {"path","from","to"}}: from exclusive, to inclusive
   * @return {@code {"versions":[{"version","op","adds","removes"}]}}
   */
  public static native String changes(String request, JvmStorage storage);

  /**
   * The latest version of a table.
   *
   * @param request {@code {"path"}}
   * @return {@code {"version":n|null,"id":text|null}}; the id is the table's, in all its versions
   */
  public static native String latestVersion(String request, JvmStorage storage);

  /** Number of open handles, for tests. */
  public static native long liveHandles();

  /** Panics on purpose, for the test that a panic leaves the JVM alive. */
  static native void panicForTest(String message);
}
