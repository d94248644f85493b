/* bench_lws: libwebsockets as a measured client (clients/job.h). It writes as long as the socket
 * takes more, and reads into 64 KiB. */
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

#include "clients/job.h"

static struct bench_job job;
static struct lws_context *context;
static uint8_t *buffer; /* LWS_PRE bytes, then the payload: lws masks it in place */
static uint8_t *payload;
static uint64_t to_send;
static uint64_t opened;
static uint64_t connecting;

static void connect_one(void) {
  struct lws_client_connect_info info = {.context = context,
                                         .address = job.host,
                                         .port = atoi(job.port),
                                         .path = job.path,
                                         .host = job.host,
                                         .origin = job.host,
                                         .protocol = NULL,
                                         .local_protocol_name = "bench"};
  if (job.is_secure)
    info.ssl_connection = LCCSCF_USE_SSL | LCCSCF_ALLOW_SELFSIGNED |
                          LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK | LCCSCF_ALLOW_INSECURE;
  connecting++;
  if (!lws_client_connect_via_info(&info)) exit(1);
}

static void send_some(struct lws *wsi) {
  while (to_send && !lws_send_pipe_choked(wsi)) {
    to_send--;
    memcpy(buffer + LWS_PRE, payload, job.size);
    if (lws_write(wsi, buffer + LWS_PRE, job.size,
                  job.is_text ? LWS_WRITE_TEXT : LWS_WRITE_BINARY) < 0)
      exit(1);
  }
  if (to_send) {
    lws_callback_on_writable(wsi);
  } else if (job.mode == BENCH_JOB_SEND && !job.is_started) {
    bench_job_start(&job);
    to_send = job.count;
    lws_callback_on_writable(wsi);
  } else if (job.mode == BENCH_JOB_SEND) {
    bench_job_finish(&job);
    lws_cancel_service(context);
  }
}

static void next_idle(void) {
  if (opened == 1) bench_job_start(&job);
  if (opened == job.in_flight + 1) bench_job_finish(&job);
  while (connecting < job.in_flight + 1 && connecting < opened + 100)
    connect_one();
}

static void begin(struct lws *wsi) {
  opened++;
  if (job.mode == BENCH_JOB_IDLE) {
    next_idle();
    return;
  }
  if (job.mode == BENCH_JOB_ECHO) to_send = job.in_flight;
  if (job.mode == BENCH_JOB_SEND) to_send = job.warmup;
  lws_callback_on_writable(wsi);
}

static void received(struct lws *wsi) {
  if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi)) return;
  if (bench_job_tick(&job, 1)) {
    lws_cancel_service(context);
  } else if (job.mode == BENCH_JOB_ECHO) {
    to_send++;
    lws_callback_on_writable(wsi);
  }
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len) {
  (void)user, (void)in, (void)len;
  switch (reason) {
  case LWS_CALLBACK_CLIENT_ESTABLISHED:
    begin(wsi);
    break;
  case LWS_CALLBACK_CLIENT_WRITEABLE:
    if (job.mode == BENCH_JOB_ECHO || job.mode == BENCH_JOB_SEND) send_some(wsi);
    break;
  case LWS_CALLBACK_CLIENT_RECEIVE:
    received(wsi);
    break;
  case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
    exit(1);
  default:
    break;
  }
  return 0;
}

int main(int argc, char **argv) {
  static const struct lws_protocols protocols[] = {{"bench", on_event, 0, 65536, 0, NULL, 0},
                                                   {NULL, NULL, 0, 0, 0, NULL, 0}};
  bench_job_parse(&job, argc, argv);
  payload = bench_job_payload(&job);
  buffer = malloc(LWS_PRE + job.size + 16);
  lws_set_log_level(LLL_ERR, NULL);
  struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                           .protocols = protocols,
                                           .pt_serv_buf_size = 65536,
                                           .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT};
  context = lws_create_context(&info);
  if (!context || !buffer) return 1;
  connect_one();
  while (!job.is_finished && lws_service(context, 0) >= 0)
    ;
  return bench_job_report(&job);
}
