/*
 * Tokens, lists and case as RFC 9110 5.6 has them. <ctype.h> is not used: it asks the locale, and
 * what is a letter in a header field must not depend on where the program runs.
 */
#include "proto/token.h"

#include <string.h>

char uvws__ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int uvws__ascii_equal(const char *a, const char *b) {
  while (*a && uvws__ascii_lower(*a) == uvws__ascii_lower(*b)) {
    a++;
    b++;
  }
  return uvws__ascii_lower(*a) == uvws__ascii_lower(*b);
}

int uvws__ascii_begins(const char *text, const char *prefix) {
  while (*prefix && uvws__ascii_lower(*text) == uvws__ascii_lower(*prefix)) {
    text++;
    prefix++;
  }
  return *prefix == '\0';
}

int uvws__is_digit(char c) {
  return c >= '0' && c <= '9';
}

int uvws__is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int uvws__is_control(char c) {
  return (unsigned char)c < 0x20 || c == 0x7f;
}

int uvws__is_tchar(char c) {
  return uvws__is_digit(c) || uvws__is_alpha(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

int uvws__is_token(const char *text) {
  if (!*text) return 0;
  while (uvws__is_tchar(*text))
    text++;
  return *text == '\0';
}

int uvws__has_control(const char *text) {
  for (; *text; text++)
    if (uvws__is_control(*text)) return 1;
  return 0;
}

static int element_is(const char *text, size_t len, const char *token) {
  if (len != strlen(token)) return 0;
  for (size_t i = 0; i < len; i++)
    if (uvws__ascii_lower(text[i]) != uvws__ascii_lower(token[i])) return 0;
  return 1;
}

int uvws__list_has(const char *list, const char *token) {
  while (*list) {
    list += strspn(list, " \t,");
    size_t len = strcspn(list, ",");
    size_t trimmed = len;
    while (trimmed && (list[trimmed - 1] == ' ' || list[trimmed - 1] == '\t'))
      trimmed--;
    if (trimmed && element_is(list, trimmed, token)) return 1;
    list += len;
  }
  return 0;
}
