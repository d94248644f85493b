/* Only IMF-fixdate is understood (RFC 9110 5.6.7), the one form that may be sent. */
#include "proto/retry_after.h"

#include <string.h>

#define SECONDS_MAX UINT64_C(1000000000) /* 30 years; keeps what follows from overflowing */

static int read_number(const char *text, unsigned count, unsigned *out) {
  *out = 0;
  for (unsigned i = 0; i < count; i++) {
    if (text[i] < '0' || text[i] > '9') return 0;
    *out = *out * 10 + (unsigned)(text[i] - '0');
  }
  return 1;
}

static int read_month(const char *text, unsigned *out) {
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (unsigned i = 0; i < 12; i++)
    if (memcmp(text, names + (size_t)3 * i, 3) == 0) {
      *out = i + 1;
      return 1;
    }
  return 0;
}

/* Days since 1970-01-01 in the Gregorian calendar; years count from March, so that the leap day
 * comes last. */
static int64_t days_of(unsigned year, unsigned month, unsigned day) {
  int64_t y = (int64_t)year - (month <= 2);
  int64_t era = y / 400;
  int64_t year_of_era = y - era * 400;
  int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
         719468;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static int read_date(const char *text, int64_t *out_s) {
  unsigned day, month, year, hour, minute, second;
  if (strlen(text) != 29 || memcmp(text + 3, ", ", 2) != 0 || strcmp(text + 25, " GMT") != 0)
    return 0;
  if (text[7] != ' ' || text[11] != ' ' || text[16] != ' ' || text[19] != ':' || text[22] != ':')
    return 0;
  int is_read = read_number(text + 5, 2, &day) && read_month(text + 8, &month) &&
                read_number(text + 12, 4, &year) && read_number(text + 17, 2, &hour) &&
                read_number(text + 20, 2, &minute) && read_number(text + 23, 2, &second);
  if (!is_read || day < 1 || day > 31 || year < 1970 || hour > 23 || minute > 59 || second > 60)
    return 0;
  *out_s = days_of(year, month, day) * 86400 + hour * 3600L + minute * 60L + second;
  return 1;
}

static int read_seconds(const char *text, uint64_t *out_s) {
  uint64_t seconds = 0;
  if (!*text) return 0;
  for (; *text; text++) {
    if (*text < '0' || *text > '9') return 0;
    seconds = seconds * 10 + (uint64_t)(*text - '0');
    if (seconds > SECONDS_MAX) seconds = SECONDS_MAX;
  }
  *out_s = seconds;
  return 1;
}

int uvws__retry_after(const char *value, const char *date, uint64_t *out_ms) {
  uint64_t seconds;
  int64_t then, now;
  if (!value) return 0;
  if (read_seconds(value, &seconds)) {
    *out_ms = seconds * 1000;
    return 1;
  }
  if (!date || !read_date(value, &then) || !read_date(date, &now)) return 0;
  *out_ms = then > now ? (uint64_t)(then - now) * 1000 : 0;
  return 1;
}
