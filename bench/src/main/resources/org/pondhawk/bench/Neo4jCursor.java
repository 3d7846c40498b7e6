import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Scanner;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.neo4j.io.fs.DefaultFileSystemAbstraction;
import org.neo4j.io.pagecache.PageCursor;
import org.neo4j.io.pagecache.PagedFile;
import org.neo4j.io.pagecache.context.CursorContext;
import org.neo4j.io.pagecache.impl.muninn.MuninnPageCache;
import org.neo4j.io.pagecache.impl.muninn.StoreFile;
import org.neo4j.scheduler.JobScheduler;

/// Random loads and stores through a cursor of Neo4j's page cache, in a JVM of its own: for each line
/// "read SEED COUNT" or "write SEED COUNT" it runs so many and answers with a line.
public class Neo4jCursor {
  static final int LG_PAGE = 13;
  static final int PAGE = 1 << LG_PAGE;

  public static void main(String[] arguments) throws Exception {
    long bytes = Long.parseLong(arguments[0]);
    int shift = Long.SIZE - Long.numberOfTrailingZeros(bytes);
    Path path = Files.createTempFile("pondhawk-bench", ".neo4j");
    Files.write(path, new byte[(int) bytes]);
    path.toFile().deleteOnExit();
    var files = new DefaultFileSystemAbstraction();
    int cachePages = (int) (2 * bytes / PAGE) + 1000;
    var cache = new MuninnPageCache(files, scheduler(), MuninnPageCache.config(cachePages));
    PagedFile file = cache.map(new StoreFile(path), PAGE, "bench");
    try (PageCursor cursor = file.io(0, PagedFile.PF_SHARED_READ_LOCK, CursorContext.NULL_CONTEXT)) {
      for (long page = 0; page < bytes / PAGE; page++) {
        if (!cursor.next(page)) throw new IllegalStateException("page " + page + " is not there");
      }
    }
    System.out.println("ready");
    var lines = new Scanner(System.in);
    while (lines.hasNextLine()) {
      String[] words = lines.nextLine().split(" ");
      long seed = Long.parseLong(words[1]);
      int count = Integer.parseInt(words[2]);
      boolean reads = words[0].equals("read");
      int lock = reads ? PagedFile.PF_SHARED_READ_LOCK : PagedFile.PF_SHARED_WRITE_LOCK;
      try (PageCursor cursor = file.io(0, lock, CursorContext.NULL_CONTEXT)) {
        System.out.println(
            reads ? reads(cursor, shift, seed, count) : writes(cursor, shift, seed, count));
      }
    }
    Runtime.getRuntime().halt(path.toFile().delete() ? 0 : 1); // nothing needs to be flushed
  }

  static long reads(PageCursor cursor, int shift, long seed, int count) throws Exception {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < count; i++) {
      state = state * 6364136223846793005L + 1442695040888963407L;
      long place = (state >>> shift) & -Long.BYTES;
      cursor.next(place >>> LG_PAGE);
      long value;
      do {
        value = cursor.getLong((int) place & (PAGE - 1));
      } while (cursor.shouldRetry());
      sum += value;
    }
    return sum;
  }

  static long writes(PageCursor cursor, int shift, long seed, int count) throws Exception {
    long state = seed;
    for (int i = 0; i < count; i++) {
      state = state * 6364136223846793005L + 1442695040888963407L;
      long place = (state >>> shift) & -Long.BYTES;
      cursor.next(place >>> LG_PAGE);
      cursor.putLong((int) place & (PAGE - 1), i);
    }
    return state;
  }

  /// Runs what it is given in threads of its own; the page cache needs no more of it.
  static JobScheduler scheduler() {
    ExecutorService threads =
        Executors.newCachedThreadPool(task -> Thread.ofPlatform().daemon().unstarted(task));
    return (JobScheduler)
        Proxy.newProxyInstance(
            Neo4jCursor.class.getClassLoader(),
            new Class<?>[] {JobScheduler.class},
            (proxy, method, given) -> {
              for (Object one : given == null ? new Object[0] : given) {
                if (one instanceof Runnable task) threads.execute(task);
              }
              return null;
            });
  }
}
