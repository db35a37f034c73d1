package io.headpond;

import java.util.Arrays;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The one spelling of an IP address with its prefix length that Headpond keeps: the one in which PostgreSQL prints its {@code
 * inet}, so that an address and its reload are equal. The prefix is left out where it is the whole address; in IPv6 the
 * first of the longest runs of two or more zero groups is {@code ::}, digits are lower case without leading zeros, and the last
 * two groups behind {@code ::} or {@code ::ffff:} are written as IPv4.
 *
 * <p>Read are four decimal numbers without leading zeros, or what RFC 4291 says of IPv6; no zone ({@code %eth0}), which no
 * database keeps. Stateless.
 */
final class InetText {
  private static final String OCTET = "(0|[1-9][0-9]{0,2})";
  private static final Pattern V4 =
      Pattern.compile(OCTET + "\\." + OCTET + "\\." + OCTET + "\\." + OCTET);
  private static final Pattern GROUP = Pattern.compile("[0-9a-fA-F]{1,4}");
  private static final Pattern PREFIX = Pattern.compile("0|[1-9][0-9]{0,2}");
  private static final int GROUPS = 8;

  private InetText() {}

  /** The canonical spelling; null if the text is no address. */
  static @Nullable String canonical(String text) {
    int slash = text.indexOf('/');
    String address = slash < 0 ? text : text.substring(0, slash);
    boolean v6 = address.indexOf(':') >= 0;
    String canonical = v6 ? v6(address) : v4(address);
    if (canonical == null || slash < 0) {
      return canonical;
    }
    String prefix = text.substring(slash + 1);
    int bits = v6 ? 128 : 32;
    if (!PREFIX.matcher(prefix).matches() || Integer.parseInt(prefix) > bits) {
      return null;
    }
    return Integer.parseInt(prefix) == bits ? canonical : canonical + "/" + prefix;
  }

  private static @Nullable String v4(String text) {
    return octets(text) == null ? null : text;
  }

  private static int @Nullable [] octets(String text) {
    Matcher matcher = V4.matcher(text);
    if (!matcher.matches()) {
      return null;
    }
    int[] octets = new int[4];
    for (int i = 0; i < octets.length; i++) {
      octets[i] = Integer.parseInt(matcher.group(i + 1));
      if (octets[i] > 255) {
        return null;
      }
    }
    return octets;
  }

  private static @Nullable String v6(String text) {
    int gap = text.indexOf("::");
    if (gap < 0) {
      int[] groups = groups(text, true);
      return groups == null || groups.length != GROUPS ? null : print(groups);
    }
    int[] head = groups(text.substring(0, gap), false);
    int[] tail = groups(text.substring(gap + 2), true);
    if (head == null || tail == null || head.length + tail.length >= GROUPS) {
      return null;
    }
    int[] groups = Arrays.copyOf(head, GROUPS);
    System.arraycopy(tail, 0, groups, GROUPS - tail.length, tail.length);
    return print(groups);
  }

  /** The groups on one side of a gap; null if there is something else among them. */
  private static int @Nullable [] groups(String text, boolean last) {
    if (text.isEmpty()) {
      return new int[0];
    }
    String[] parts = text.split(":", -1);
    int[] octets = last ? octets(parts[parts.length - 1]) : null;
    int plain = octets == null ? parts.length : parts.length - 1;
    int[] groups = new int[octets == null ? plain : plain + 2];
    for (int i = 0; i < plain; i++) {
      if (!GROUP.matcher(parts[i]).matches()) {
        return null;
      }
      groups[i] = Integer.parseInt(parts[i], 16);
    }
    if (octets != null) {
      groups[plain] = octets[0] << 8 | octets[1];
      groups[plain + 1] = octets[2] << 8 | octets[3];
    }
    return groups;
  }

  private static String print(int[] groups) {
    int gap = -1;
    int longest = 1;
    for (int i = 0, run = 0; i < GROUPS; i++) {
      run = groups[i] == 0 ? run + 1 : 0;
      if (run > longest) {
        longest = run;
        gap = i - run + 1;
      }
    }
    boolean v4 = gap == 0 && (longest == 6 || (longest == 5 && groups[5] == 0xffff));
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < (v4 ? 6 : GROUPS); i++) {
      if (gap >= 0 && i == gap) {
        text.append("::");
        i += longest - 1;
      } else {
        text.append(colon(text)).append(Integer.toHexString(groups[i]));
      }
    }
    if (v4) {
      text.append(colon(text));
      text.append(groups[6] >> 8).append('.').append(groups[6] & 0xff).append('.');
      text.append(groups[7] >> 8).append('.').append(groups[7] & 0xff);
    }
    return text.toString();
  }

  private static String colon(StringBuilder text) {
    return text.isEmpty() || text.charAt(text.length() - 1) == ':' ? "" : ":";
  }
}
