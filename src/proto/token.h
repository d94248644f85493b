/*
 * The grammar that HTTP fields are made of (RFC 9110 5.6): tokens, lists, and text compared without
 * case. ASCII only, whatever the locale.
 */
#ifndef UVWS_PROTO_TOKEN_H
#define UVWS_PROTO_TOKEN_H

#include <stddef.h>

char uvws__ascii_lower(char c);

/* Equal but for the case of ASCII letters. */
int uvws__ascii_equal(const char *a, const char *b);
/* Does `text` begin with `prefix`, without case. */
int uvws__ascii_begins(const char *text, const char *prefix);

int uvws__is_digit(char c);
int uvws__is_alpha(char c);
/* 0 to 31 and 127: what no caller's string may carry into the request. */
int uvws__is_control(char c);
/* One character of a token (RFC 9110 5.6.2). */
int uvws__is_tchar(char c);

/* At least one character, and each a tchar. */
int uvws__is_token(const char *text);
int uvws__has_control(const char *text);

/* Does the comma-separated list (RFC 9110 5.6.1) hold `token`, without case. */
int uvws__list_has(const char *list, const char *token);

#endif
