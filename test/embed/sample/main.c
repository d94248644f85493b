/* What a program of somebody else's does: a client on its own loop, and everything closed again. It
 * connects to a port that nobody listens on, so it needs no server. */
#include <stdio.h>
#include <string.h>
#include <uv.h>
#include <uvws.h>

static int errors, closes;

static void on_error(uvws_t *ws, const uvws_error_t *error, void *user) {
  (void)ws;
  (void)user;
  printf("%s\n", uvws_err_name(error->code));
  errors++;
}

static void on_close(uvws_t *ws, const uvws_close_info_t *info, void *user) {
  (void)info;
  (void)user;
  closes++;
  uvws_free(ws);
}

int main(void) {
  uv_loop_t *loop = uv_default_loop();
  uvws_callbacks_t callbacks = {0};
  uvws_options_t options = {0};
  uvws_context_t *context;
  uvws_t *ws;
  callbacks.size = sizeof callbacks;
  callbacks.on_error = on_error;
  callbacks.on_close = on_close;
  options.size = sizeof options;
  options.uri = "ws://127.0.0.1:1/";
  printf("uvws %s\n", uvws_version());
  if (uvws_context_new(loop, NULL, &context) != 0) return 1;
  if (uvws_new(context, &callbacks, NULL, &ws) != 0) return 1;
  uvws_context_free(context);
  if (uvws_connect(ws, &options) != 0) return 1;
  uv_run(loop, UV_RUN_DEFAULT);
  if (uv_loop_close(loop) != 0) return 1;
  return errors == 1 && closes == 1 ? 0 : 1;
}
