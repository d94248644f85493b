/*
 * What happens, told to whoever traces. Credentials are not: of Authorization, Cookie and their
 * kin the name is told and the value is not.
 */
#include "conn/conn.h"

#include <stdarg.h>
#include <string.h>

#define LINE_MAX_LEN 512

int uvws__is_traced(const uvws_t *ws, uvws_log_level_t level) {
  return ws->ctx->trace.level >= level;
}

static void tell(uvws_t *ws, const uvws_trace_event_t *event) {
  const struct uvws__trace *trace = &ws->ctx->trace;
  trace->cb(ws, event, trace->arg);
}

void uvws__trace(uvws_t *ws, uvws_log_level_t level, const char *format, ...) {
  char text[LINE_MAX_LEN];
  uvws_trace_event_t event = {.level = level, .kind = UVWS_TRACE_TEXT, .text = text};
  if (!uvws__is_traced(ws, level)) return;
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  tell(ws, &event);
}

static const char *opcode_name(uint8_t opcode) {
  switch (opcode) {
  case UVWS__OP_CONTINUATION:
    return "continuation";
  case UVWS__OP_TEXT:
    return "text";
  case UVWS__OP_BINARY:
    return "binary";
  case UVWS__OP_CLOSE:
    return "close";
  case UVWS__OP_PING:
    return "ping";
  case UVWS__OP_PONG:
    return "pong";
  default:
    return "reserved";
  }
}

void uvws__trace_frame(uvws_t *ws, int is_in, uint8_t fin, uint8_t rsv, uint8_t opcode,
                       uint64_t payload_len) {
  char text[LINE_MAX_LEN];
  uvws_trace_event_t event = {.level = UVWS_LOG_FRAMES,
                              .kind = is_in ? UVWS_TRACE_FRAME_IN : UVWS_TRACE_FRAME_OUT,
                              .text = text,
                              .opcode = opcode,
                              .fin = fin,
                              .rsv = rsv,
                              .payload_len = payload_len};
  snprintf(text, sizeof text, "frame %s: %s, %llu bytes%s%s", is_in ? "in" : "out",
           opcode_name(opcode), (unsigned long long)payload_len, fin ? "" : ", more follows",
           rsv & UVWS__RSV1 ? ", compressed" : "");
  tell(ws, &event);
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int is_same_name(const char *a, size_t len, const char *b) {
  if (strlen(b) != len) return 0;
  for (size_t i = 0; i < len; i++)
    if (lower(a[i]) != b[i]) return 0;
  return 1;
}

static int is_secret(const char *name, size_t len) {
  static const char *const secrets[] = {
      "authorization", "proxy-authorization", "cookie", "set-cookie", "cookie2", "set-cookie2"};
  for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
    if (is_same_name(name, len, secrets[i])) return 1;
  return 0;
}

static void trace_line(uvws_t *ws, uvws_trace_kind_t kind, const char *text, size_t len) {
  char line[LINE_MAX_LEN];
  uvws_trace_event_t event = {.level = UVWS_LOG_DEBUG, .kind = kind, .text = line};
  const char *colon = memchr(text, ':', len);
  size_t name_len = colon ? (size_t)(colon - text) : 0;
  if (colon && is_secret(text, name_len))
    snprintf(line, sizeof line, "%.*s: (not shown)", (int)name_len, text);
  else
    snprintf(line, sizeof line, "%.*s", len < sizeof line ? (int)len : (int)sizeof line, text);
  tell(ws, &event);
}

void uvws__trace_request(uvws_t *ws, const uint8_t *data, size_t len) {
  const char *text = (const char *)data;
  const char *end = text + len;
  if (!uvws__is_traced(ws, UVWS_LOG_DEBUG)) return;
  while (text < end) {
    const char *stop = memchr(text, '\r', (size_t)(end - text));
    if (!stop || stop == text) return;
    trace_line(ws, UVWS_TRACE_HEAD_OUT, text, (size_t)(stop - text));
    text = stop + 2;
  }
}

void uvws__trace_answer(struct uvws__conn *c) {
  const struct uvws__head *head = c->opening->head;
  char line[LINE_MAX_LEN];
  size_t count;
  if (!uvws__is_traced(c->ws, UVWS_LOG_DEBUG) || !head || !uvws__head_status(head)) return;
  snprintf(line, sizeof line, "HTTP/1.1 %d", uvws__head_status(head));
  trace_line(c->ws, UVWS_TRACE_HEAD_IN, line, strlen(line));
  const uvws_header_t *fields = uvws__head_fields(head, &count);
  for (size_t i = 0; i < count; i++) {
    /* The name is put in whole or not at all, so that it is known for what it is. */
    snprintf(line, sizeof line, "%.200s: %.300s", fields[i].name, fields[i].value);
    trace_line(c->ws, UVWS_TRACE_HEAD_IN, line, strlen(line));
  }
}
