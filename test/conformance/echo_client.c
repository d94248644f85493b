/*
 * An echo client on the public header: every message goes back as it came.
 *
 *   uvws-echo-client URI           echoes until the connection is closed; exit status 0: cleanly
 *   uvws-echo-client --suite URI   fetches URI/plan, a text with a line for each run, "NAME
 * OPTION=VALUE
 * ...", connects to URI/case/NAME for each in turn, and prints what its user sees: "case NAME", a
 * line for each callback, "end". OPTION is one of uvws_connect's, or:
 *
 *       open=close:CODE            close as soon as it is open
 *       send=compressed|plain      the flag for every echo
 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "uvws.h"

struct client {
  uvws_t *ws;
  const char *uri;
  int is_suite;
  int is_planned; /* the plan is here */
  char *plan;
  char *next;     /* line of it */
  int close_code; /* -1: none */
  unsigned flags;
  int status;
};

enum type { TYPE_U32, TYPE_SIZE, TYPE_INT };

static const struct {
  const char *name;
  size_t offset;
  enum type type;
} names[] = {
#define NAME(name, type)                                                                           \
  { #name, offsetof(uvws_options_t, name), type }
    NAME(close_timeout_ms, TYPE_U32),
    NAME(max_message_size, TYPE_SIZE),
    NAME(max_fragments, TYPE_SIZE),
    NAME(compression, TYPE_INT),
    NAME(compression_level, TYPE_INT),
    NAME(compression_memory_level, TYPE_INT),
    NAME(compression_threshold, TYPE_SIZE),
    NAME(client_max_window_bits, TYPE_INT),
    NAME(server_max_window_bits, TYPE_INT),
    NAME(client_no_context_takeover, TYPE_INT),
    NAME(server_no_context_takeover, TYPE_INT),
};

static void die(const char *what, int err) {
  fprintf(stderr, "uvws-echo-client: %s%s%s\n", what, err ? ": " : "",
          err ? uvws_strerror(err) : "");
  exit(2);
}

static void set_option(uvws_options_t *options, const char *name, const char *value) {
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char *field = (char *)options + names[i].offset;
    if (strcmp(names[i].name, name) != 0) continue;
    if (names[i].type == TYPE_U32) *(uint32_t *)(void *)field = (uint32_t)strtoul(value, NULL, 10);
    if (names[i].type == TYPE_SIZE) *(size_t *)(void *)field = (size_t)strtoull(value, NULL, 10);
    if (names[i].type == TYPE_INT) *(int *)(void *)field = atoi(value);
    return;
  }
  die(name, UVWS_EOPTION);
}

static void take_word(struct client *c, uvws_options_t *options, char *word) {
  char *value = strchr(word, '=');
  if (!value) die(word, UVWS_EOPTION);
  *value++ = '\0';
  if (strcmp(word, "open") == 0)
    c->close_code = atoi(strchr(value, ':') + 1);
  else if (strcmp(word, "send") == 0)
    c->flags = strcmp(value, "plain") == 0 ? UVWS_SEND_PLAIN : UVWS_SEND_COMPRESSED;
  else
    set_option(options, word, value);
}

static void print_bytes(const uint8_t *data, size_t len) {
  for (size_t i = 0; i < len; i++)
    printf("%02x", data[i]);
  putchar('\n');
}

/* The next line of the plan; when there is none the loop ends by itself. */
static void run_next(struct client *c) {
  uvws_options_t options = {.size = sizeof options};
  char uri[256];
  if (!c->next || !*c->next) return;
  char *line = c->next;
  c->next = strchr(line, '\n');
  if (c->next) *c->next++ = '\0';
  c->close_code = -1;
  c->flags = 0;
  char *name = strtok(line, " ");
  for (char *word; (word = strtok(NULL, " ")) != NULL;)
    take_word(c, &options, word);
  snprintf(uri, sizeof uri, "%s/case/%s", c->uri, name);
  options.uri = uri;
  printf("case %s\n", name);
  int err = uvws_connect(c->ws, &options);
  if (err) die(uri, err);
}

static int is_told(const struct client *c) {
  return c->is_suite && c->is_planned;
}

static void on_open(uvws_t *ws, void *user) {
  struct client *c = user;
  if (!is_told(c)) return;
  puts("open");
  if (c->close_code >= 0) uvws_close(ws, c->close_code, NULL, 0);
}

static void take_plan(struct client *c, const uint8_t *data, size_t len) {
  c->plan = malloc(len + 1);
  if (!c->plan) die("plan", UV_ENOMEM);
  memcpy(c->plan, data, len);
  c->plan[len] = '\0';
  c->next = c->plan;
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct client *c = user;
  if (c->is_suite && !c->is_planned) {
    take_plan(c, data, len);
    return;
  }
  if (is_told(c)) printf("%s %zu\n", kind == UVWS_TEXT ? "text" : "binary", len);
  int err = uvws_send(ws, kind, data, len, c->flags, NULL, NULL);
  /* A message that came behind our Close has no echo. */
  if (err < 0 && err != UVWS_ENOTOPEN) die("send", err);
}

static void on_ping(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  if (!is_told(user)) return;
  printf("ping ");
  print_bytes(data, len);
}

static void on_pong(uvws_t *ws, const uint8_t *data, size_t len, void *user) {
  (void)ws;
  if (!is_told(user)) return;
  printf("pong ");
  print_bytes(data, len);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  struct client *c = user;
  (void)ws;
  if (is_told(c))
    printf("error %s\n", uvws_err_name(error->code));
  else
    fprintf(stderr, "uvws-echo-client: %s\n", error->message);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct client *c = user;
  (void)ws;
  if (is_told(c)) {
    printf("close %d %d ", info->code, info->was_clean);
    print_bytes((const uint8_t *)info->reason, info->reason_len);
    puts("end");
    fflush(stdout);
  } else {
    c->status = !info->was_clean;
  }
  if (!c->is_suite) return;
  c->is_planned = 1;
  run_next(c);
}

static int serve(struct client *c, uv_loop_t *loop) {
  static const uvws_callbacks_t callbacks = {.size = sizeof callbacks,
                                             .on_open = on_open,
                                             .on_message = on_message,
                                             .on_error = on_error,
                                             .on_close = on_close,
                                             .on_ping = on_ping,
                                             .on_pong = on_pong};
  uvws_options_t options = {.size = sizeof options};
  uvws_context_t *ctx;
  char uri[256];
  int err = uvws_context_new(loop, NULL, &ctx);
  if (!err) err = uvws_new(ctx, &callbacks, c, &c->ws);
  if (err) die("client", err);
  snprintf(uri, sizeof uri, "%s%s", c->uri, c->is_suite ? "/plan" : "");
  options.uri = uri;
  err = uvws_connect(c->ws, &options);
  if (err) die(uvws_last_error(c->ws), err);
  uv_run(loop, UV_RUN_DEFAULT);
  uvws_free(c->ws);
  uvws_context_free(ctx);
  uv_run(loop, UV_RUN_DEFAULT);
  free(c->plan);
  return c->status;
}

int main(int argc, char **argv) {
  struct client c = {.is_suite = argc == 3 && strcmp(argv[1], "--suite") == 0, .close_code = -1};
  uv_loop_t loop;
  if (argc != 2 && !c.is_suite) {
    fprintf(stderr, "usage: uvws-echo-client [--suite] URI\n");
    return 2;
  }
  c.uri = argv[argc - 1];
  if (uv_loop_init(&loop)) die("loop", UV_ENOMEM);
  int status = serve(&c, &loop);
  if (uv_loop_close(&loop)) die("the loop has handles left", 0);
  return status;
}
