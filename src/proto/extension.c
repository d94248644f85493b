/*
 * The negotiation of permessage-deflate. The answer's grammar is that of RFC 6455 9.1:
 *
 *   extension-list  = 1#extension
 *   extension       = extension-token *( ";" extension-param )
 *   extension-param = token [ "=" ( token / quoted-string ) ]
 */
#include "proto/extension.h"

#include <stdio.h>
#include <string.h>

#include "proto/token.h"

#define TOKEN_MAX 64

void uvws__extension_offer(const struct uvws__deflate_offer *offer, char out[UVWS__OFFER_MAX]) {
  int n = snprintf(out, UVWS__OFFER_MAX, "permessage-deflate");
  if (offer->server_no_context_takeover)
    n += snprintf(out + n, UVWS__OFFER_MAX - (size_t)n, "; server_no_context_takeover");
  if (offer->client_no_context_takeover)
    n += snprintf(out + n, UVWS__OFFER_MAX - (size_t)n, "; client_no_context_takeover");
  if (offer->server_max_window_bits)
    n += snprintf(out + n, UVWS__OFFER_MAX - (size_t)n, "; server_max_window_bits=%d",
                  offer->server_max_window_bits);
  n += snprintf(out + n, UVWS__OFFER_MAX - (size_t)n, "; client_max_window_bits");
  if (offer->client_max_window_bits)
    snprintf(out + n, UVWS__OFFER_MAX - (size_t)n, "=%d", offer->client_max_window_bits);
}

static const char *skip_space(const char *p) {
  while (*p == ' ' || *p == '\t')
    p++;
  return p;
}

/* Copies a token; NULL when there is none, or one that is too long to be known. */
static const char *take_token(const char *p, char out[TOKEN_MAX]) {
  size_t n = 0;
  while (uvws__is_tchar(*p) && n < TOKEN_MAX - 1)
    out[n++] = *p++;
  out[n] = '\0';
  return n && !uvws__is_tchar(*p) ? p : NULL;
}

/* A value may be quoted; what is inside the quotes must be a token all the same (RFC 6455 9.1). */
static const char *take_value(const char *p, char out[TOKEN_MAX]) {
  if (*p != '"') return take_token(p, out);
  p = take_token(p + 1, out);
  return p && *p == '"' ? p + 1 : NULL;
}

/* 8 to 15 in decimal without leading zeros, else 0. */
static int window_bits(const char *value) {
  if (uvws__is_digit(value[0]) && !value[1]) return value[0] >= '8' ? value[0] - '0' : 0;
  if (value[0] == '1' && value[1] >= '0' && value[1] <= '5' && !value[2])
    return 10 + value[1] - '0';
  return 0;
}

static int take_flag(const char *name, int has_value, uint8_t *flag, struct uvws__detail *detail) {
  if (has_value) return uvws__fail(detail, UVWS_EHANDSHAKE, "%s was answered with a value", name);
  if (*flag) return uvws__fail(detail, UVWS_EHANDSHAKE, "%s was answered twice", name);
  *flag = 1;
  return 0;
}

static int take_bits(const char *name, const char *value, int offered, uint8_t *bits,
                     struct uvws__detail *detail) {
  int answered = window_bits(value);
  if (!answered)
    return uvws__fail(detail, UVWS_EHANDSHAKE, "%s was answered with \"%s\", not 8 to 15", name,
                      value);
  if (*bits) return uvws__fail(detail, UVWS_EHANDSHAKE, "%s was answered twice", name);
  if (offered && answered > offered)
    return uvws__fail(detail, UVWS_EHANDSHAKE, "%s was answered with %d, more than the %d offered",
                      name, answered, offered);
  *bits = (uint8_t)answered;
  return 0;
}

static int take_param(const char *name, const char *value, int has_value,
                      const struct uvws__deflate_offer *offer, struct uvws__detail *detail,
                      struct uvws__deflate_terms *terms) {
  if (strcmp(name, "server_no_context_takeover") == 0)
    return take_flag(name, has_value, &terms->server_no_context_takeover, detail);
  if (strcmp(name, "client_no_context_takeover") == 0)
    return take_flag(name, has_value, &terms->client_no_context_takeover, detail);
  if (strcmp(name, "server_max_window_bits") == 0)
    return take_bits(name, value, offer->server_max_window_bits, &terms->server_max_window_bits,
                     detail);
  if (strcmp(name, "client_max_window_bits") == 0)
    return take_bits(name, value, offer->client_max_window_bits, &terms->client_max_window_bits,
                     detail);
  return uvws__fail(detail, UVWS_EHANDSHAKE,
                    "permessage-deflate was answered with the unknown parameter %s", name);
}

/* RFC 7692 7.1.1.1, 7.1.2.1: who accepts an offer with these parameters says so in the answer. */
static int check_granted(const struct uvws__deflate_offer *offer,
                         const struct uvws__deflate_terms *terms, struct uvws__detail *detail) {
  if (offer->server_no_context_takeover && !terms->server_no_context_takeover)
    return uvws__fail(detail, UVWS_EHANDSHAKE,
                      "the server did not grant server_no_context_takeover");
  if (offer->server_max_window_bits && !terms->server_max_window_bits)
    return uvws__fail(detail, UVWS_EHANDSHAKE, "the server did not grant server_max_window_bits");
  return 0;
}

/* What the answer leaves open: our own limits hold all the same, the rest is the default. */
static void complete(const struct uvws__deflate_offer *offer, struct uvws__deflate_terms *terms) {
  terms->is_agreed = 1;
  if (offer->client_no_context_takeover) terms->client_no_context_takeover = 1;
  if (!terms->server_max_window_bits) terms->server_max_window_bits = UVWS__WINDOW_BITS_MAX;
  if (!terms->client_max_window_bits)
    terms->client_max_window_bits = offer->client_max_window_bits
                                        ? (uint8_t)offer->client_max_window_bits
                                        : UVWS__WINDOW_BITS_MAX;
}

static int malformed(struct uvws__detail *detail, const char *answer) {
  return uvws__fail(detail, UVWS_EHANDSHAKE,
                    "the server's Sec-WebSocket-Extensions is malformed: \"%.64s\"", answer);
}

static int take_params(const char *p, const char *answer, const struct uvws__deflate_offer *offer,
                       struct uvws__detail *detail, struct uvws__deflate_terms *terms) {
  char name[TOKEN_MAX];
  while (*(p = skip_space(p)) == ';') {
    char value[TOKEN_MAX] = "";
    p = take_token(skip_space(p + 1), name);
    if (!p) return malformed(detail, answer);
    p = skip_space(p);
    int has_value = *p == '=';
    if (has_value) p = take_value(skip_space(p + 1), value);
    if (!p) return malformed(detail, answer);
    int err = take_param(name, value, has_value, offer, detail, terms);
    if (err) return err;
  }
  if (*p == ',')
    return uvws__fail(detail, UVWS_EHANDSHAKE,
                      "the server answered with more extensions than were offered");
  return *p ? malformed(detail, answer) : 0;
}

int uvws__extension_answer(const char *answer, const struct uvws__deflate_offer *offer,
                           struct uvws__detail *detail, struct uvws__deflate_terms *out) {
  struct uvws__deflate_terms terms = {0};
  char name[TOKEN_MAX];
  const char *p = take_token(skip_space(answer), name);
  if (!p) return malformed(detail, answer);
  if (strcmp(name, "permessage-deflate") != 0)
    return uvws__fail(detail, UVWS_EHANDSHAKE,
                      "the server answered with the extension %s, which was not offered", name);
  int err = take_params(p, answer, offer, detail, &terms);
  if (!err) err = check_granted(offer, &terms, detail);
  if (err) return err;
  complete(offer, &terms);
  *out = terms;
  return 0;
}
