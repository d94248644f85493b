/*
 * uvws in a program that has a loop of its own, with other things on it: a timer that sends a
 * message every now and then, work on another thread whose result is sent as well, and a signal
 * that ends everything in good order.
 *
 *   cc embed.c -o embed $(pkg-config --cflags --libs uvws)
 *   ./embed ws://127.0.0.1:8080/
 *
 * The client is one more guest of the loop: uv_run returns when it and all the others are closed.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <uvws.h>

#define TICKS 3
#define TICK_MS 100

struct app {
  uvws_t *ws;
  uv_timer_t timer;
  uv_signal_t interrupt;
  uv_work_t work;
  unsigned long sum; /* what the work finds */
  int ticks;
  int answers;
  int status;
};

/* The timer or the work may be done after the connection is gone. */
static void send_line(struct app *app, const char *line) {
  if (app->ws == NULL) return;
  int err = uvws_send_text(app->ws, line, strlen(line), NULL, NULL);
  if (err != 0) fprintf(stderr, "not sent: %s\n", uvws_strerror(err));
}

static void on_tick(uv_timer_t *timer) {
  struct app *app = timer->data;
  char line[32];
  snprintf(line, sizeof line, "tick %d", ++app->ticks);
  send_line(app, line);
  if (app->ticks == TICKS) uv_timer_stop(timer);
}

/* On a thread of libuv's pool: nothing of uvws may be called here. */
static void do_work(uv_work_t *work) {
  struct app *app = work->data;
  for (unsigned long i = 1; i <= 1000; i++)
    app->sum += i;
}

/* Back on the loop's thread. */
static void on_work_done(uv_work_t *work, int status) {
  struct app *app = work->data;
  char line[64];
  snprintf(line, sizeof line, "the sum is %lu", app->sum);
  if (status == 0) send_line(app, line);
}

static void on_interrupt(uv_signal_t *handle, int number) {
  struct app *app = handle->data;
  (void)number;
  uvws_close(app->ws, 1001, "interrupted", strlen("interrupted"));
}

static void on_open(uvws_t *ws, void *user) {
  struct app *app = user;
  (void)ws;
  printf("open\n");
  uv_timer_start(&app->timer, on_tick, 0, TICK_MS);
  app->work.data = app;
  uv_queue_work(app->timer.loop, &app->work, do_work, on_work_done);
}

static void on_message(uvws_t *ws, uvws_kind_t kind, const uint8_t *data, size_t len, void *user) {
  struct app *app = user;
  printf("%s: %.*s\n", kind == UVWS_TEXT ? "text" : "binary", (int)len, (const char *)data);
  if (++app->answers == TICKS + 1) uvws_close(ws, 1000, NULL, 0);
}

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws;
  (void)user;
  fprintf(stderr, "%s: %s\n", uvws_err_name(error->code), error->message);
}

/* Always the last callback: the client and the other handles go, and the loop comes to its end. */
static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  struct app *app = user;
  printf("closed: %d %s\n", info->code, info->reason);
  app->status = info->was_clean ? 0 : 1;
  uvws_free(ws);
  app->ws = NULL;
  uv_close((uv_handle_t *)&app->timer, NULL);
  uv_close((uv_handle_t *)&app->interrupt, NULL);
}

static int start(struct app *app, uv_loop_t *loop, const char *uri) {
  uvws_callbacks_t callbacks = {
      .size = sizeof callbacks,
      .on_open = on_open,
      .on_message = on_message,
      .on_error = on_error,
      .on_close = on_close,
  };
  uvws_context_t *context = NULL;
  int err = uvws_context_new(loop, NULL, &context);
  if (err != 0) return err;
  err = uvws_new(context, &callbacks, app, &app->ws);
  uvws_context_free(context); /* the client keeps it for as long as it needs it */
  if (err != 0) return err;

  uvws_options_t options = {.size = sizeof options, .uri = uri};
  err = uvws_connect(app->ws, &options);
  if (err != 0) {
    fprintf(stderr, "%s\n", uvws_last_error(app->ws));
    uvws_free(app->ws);
    return err;
  }
  uv_timer_init(loop, &app->timer);
  uv_signal_init(loop, &app->interrupt);
  app->timer.data = app->interrupt.data = app;
  return uv_signal_start(&app->interrupt, on_interrupt, SIGINT);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: embed URI\n");
    return 2;
  }
  struct app app = {.status = 1};
  uv_loop_t *loop = uv_default_loop();
  int err = start(&app, loop, argv[1]);
  if (err != 0) fprintf(stderr, "%s: %s\n", uvws_err_name(err), uvws_strerror(err));
  uv_run(loop, UV_RUN_DEFAULT);
  err = uv_loop_close(loop);
  if (err != 0) fprintf(stderr, "the loop did not close: %s\n", uvws_strerror(err));
  return err != 0 ? 1 : app.status;
}
