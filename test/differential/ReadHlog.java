import java.io.File;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

/** Prints each interval of a histogram log as the reference implementation reads it: one line of fields. */
public class ReadHlog {
  private static final double[] PERCENTILES = {0, 50, 90, 99, 99.9, 99.99, 100};

  public static void main(String[] arguments) throws Exception {
    HistogramLogReader reader = new HistogramLogReader(new File(arguments[0]));
    while (reader.hasNext()) {
      Histogram histogram = (Histogram) reader.nextIntervalHistogram();
      if (histogram == null) break;
      StringBuilder line = new StringBuilder();
      line.append(histogram.getTag()).append(' ').append(histogram.getStartTimeStamp()).append(' ');
      line.append(histogram.getEndTimeStamp()).append(' ').append(histogram.getTotalCount());
      for (double percentile : PERCENTILES) line.append(' ').append(histogram.getValueAtPercentile(percentile));
      System.out.println(line);
    }
  }
}
