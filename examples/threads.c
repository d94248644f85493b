/*
 * uvws on several threads: each has a loop, a context and clients of its own, and nothing is
 * shared. One more thread has no loop at all: it sends through an async, the mailbox of a client.
 *
 *   cc threads.c -o threads $(pkg-config --cflags --libs uvws)
 *   ./threads ws://127.0.0.1:8080/
 *
 * The server is expected to echo.
 */
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <uvws.h>

#define LOOPS 3
#define MESSAGES 5

struct worker {
  int number;
  const char *uri;
  uv_thread_t thread;
  uv_loop_t loop;
  uvws_async_t *async; /* of the first worker's client */
  uv_sem_t settled;    /* its connection is open, or will not be */
  int answers;
  int status;
};

/* A client that is closed while it connects drops what waits; so the other thread waits for this.
 */
static void on_open(uvws_t *ws, void *user) {
  struct worker *w = user;
  (void)ws;
  uv_sem_post(&w->settled);
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct worker *w = user;
  (void)kind;
  printf("loop %d: %.*s\n", w->number, (int)len, (const char *)data);
  if (++w->answers == MESSAGES && !w->async) uvws_close(ws, 1000, NULL, 0);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws;
  (void)user;
  fprintf(stderr, "%s: %s\n", uvws_err_name(error->code), error->message);
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct worker *w = user;
  w->status = info->was_clean ? 0 : 1;
  uv_sem_post(&w->settled);
  uvws_free(ws);
}

/* Messages may be sent before the connection is open: they wait for it. */
static void send_all(uvws_t *ws, int number) {
  for (int i = 1; i <= MESSAGES; i++) {
    char line[64];
    snprintf(line, sizeof line, "message %d of loop %d", i, number);
    uvws_send_text(ws, line, strlen(line), NULL, NULL);
  }
}

static int start(struct worker *w) {
  uvws_callbacks_t callbacks = {.size = sizeof callbacks,
                                .on_open = on_open,
                                .on_message = on_message,
                                .on_error = on_error,
                                .on_close = on_close};
  uvws_options_t options = {.size = sizeof options, .uri = w->uri};
  uvws_context_t *context;
  uvws_t *ws;
  int err = uvws_context_new(&w->loop, NULL, &context);
  if (err) return err;
  err = uvws_new(context, &callbacks, w, &ws);
  uvws_context_free(context);
  if (err) return err;
  err = uvws_connect(ws, &options);
  if (!err && w->number == 0) err = uvws_async_new(ws, 0, &w->async);
  if (err)
    uvws_free(ws);
  else if (w->number > 0)
    send_all(ws, w->number);
  return err;
}

static void run_loop(void *arg) {
  struct worker *w = arg;
  uv_loop_init(&w->loop);
  int err = start(w);
  if (err) {
    fprintf(stderr, "%s\n", uvws_strerror(err));
    uv_sem_post(&w->settled);
  }
  uv_run(&w->loop, UV_RUN_DEFAULT);
  if (uv_loop_close(&w->loop) != 0) w->status = 1;
}

/* On the main thread, which has no loop. */
static void send_through(struct worker *w) {
  uv_sem_wait(&w->settled);
  if (!w->async) return;
  for (int i = 1; i <= MESSAGES; i++) {
    char line[64];
    snprintf(line, sizeof line, "message %d of another thread", i);
    uvws_async_send(w->async, UVWS_TEXT, line, strlen(line), 0, NULL, NULL);
  }
  uvws_async_close(w->async, 1000, NULL, 0);
  uvws_async_free(w->async);
}

int main(int argc, char **argv) {
  static struct worker workers[LOOPS];
  int status = 0;
  if (argc != 2) {
    fprintf(stderr, "usage: threads URI\n");
    return 2;
  }
  for (int i = 0; i < LOOPS; i++) {
    workers[i].number = i;
    workers[i].uri = argv[1];
    workers[i].status = 1;
    uv_sem_init(&workers[i].settled, 0);
    uv_thread_create(&workers[i].thread, run_loop, &workers[i]);
  }
  send_through(&workers[0]);
  for (int i = 0; i < LOOPS; i++) {
    uv_thread_join(&workers[i].thread);
    uv_sem_destroy(&workers[i].settled);
    status |= workers[i].status;
  }
  return status;
}
