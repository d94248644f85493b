/*
 * bench_floor: the least that a client on libuv can do (job.h). It sends frames that were masked
 * beforehand and counts bytes without parsing any; over TLS it is OpenSSL on libuv's buffers and no
 * more. It obeys no rule of the RFC: no client can be faster.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "floor_tls.h"
#include "job.h"

#define READ_SIZE 65536
#define BLOCK_BYTES 262144
#define WAVE 100

struct peer {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_write_t write;
  struct floor_tls *tls; /* NULL: plain */
  uint64_t bytes;        /* of answers, since the handshake */
  uint64_t counted;      /* messages among them */
  uint64_t owed;         /* messages to be sent */
  int is_open;
  int is_writing;
  size_t head_match; /* of CR LF CR LF */
};

static struct bench_job job;
static uv_loop_t loop;
static struct peer *peers;
static uint64_t peer_count, opened;
static char read_buffer[READ_SIZE];
static uint8_t *block; /* `block_count` frames */
static uint64_t block_count;
static size_t frame_len, answer_len;
static struct sockaddr_in address;

static size_t put_header(uint8_t *to, size_t len) {
  unsigned width = len <= 125 ? 0 : len <= 65535 ? 2 : 8;
  to[0] = job.is_text ? 0x81 : 0x82;
  to[1] = 0x80 | (width == 0 ? (uint8_t)len : width == 2 ? 126 : 127);
  for (unsigned i = 0; i < width; i++)
    to[2 + i] = (uint8_t)((uint64_t)len >> 8 * (width - 1 - i));
  return 2 + width;
}

static void make_block(void) {
  static const uint8_t key[4] = {0x12, 0x34, 0x56, 0x78};
  uint8_t *payload = bench_job_payload(&job);
  uint8_t header[10];
  size_t header_len = put_header(header, job.size);
  frame_len = header_len + 4 + job.size;
  answer_len = header_len + job.size;
  block_count = frame_len < BLOCK_BYTES ? BLOCK_BYTES / frame_len : 1;
  block = malloc(block_count * frame_len);
  if (!block) exit(1);
  uint8_t *to = block;
  for (uint64_t i = 0; i < block_count; i++) {
    memcpy(to, header, header_len);
    memcpy(to + header_len, key, 4);
    for (size_t k = 0; k < job.size; k++)
      to[header_len + 4 + k] = payload[k] ^ key[k & 3];
    to += frame_len;
  }
  free(payload);
}

static void send_owed(struct peer *p);

static void on_written(uv_write_t *write, int status) {
  struct peer *p = write->data;
  p->is_writing = 0;
  if (status == 0) send_owed(p);
}

/* 1: all is with the kernel; 0: on_written comes. */
static int put(struct peer *p, const uint8_t *data, size_t len) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
  int n = uv_try_write((uv_stream_t *)&p->tcp, &buf, 1);
  if (n < 0 && n != UV_EAGAIN) exit(1);
  if (n == (int)len) return 1;
  if (n > 0) buf = uv_buf_init(buf.base + n, (unsigned)(len - (size_t)n));
  p->write.data = p;
  p->is_writing = 1;
  uv_write(&p->write, (uv_stream_t *)&p->tcp, &buf, 1, on_written);
  return 0;
}

static int put_frames(struct peer *p, uint64_t n) {
  if (!p->tls) return put(p, block, n * frame_len);
  size_t len;
  const uint8_t *sealed = floor_tls_seal(p->tls, block, n * frame_len, &len);
  return put(p, sealed, len);
}

static void hang_up_all(void) {
  for (uint64_t i = 0; i < peer_count; i++)
    if (!uv_is_closing((uv_handle_t *)&peers[i].tcp)) uv_close((uv_handle_t *)&peers[i].tcp, NULL);
}

/* `send`: the warm-up is out, or all is. */
static void part_done(struct peer *p) {
  if (job.mode != BENCH_JOB_SEND) return;
  if (!job.is_started) {
    bench_job_start(&job);
    p->owed = job.count;
    send_owed(p);
  } else {
    bench_job_finish(&job);
    hang_up_all();
  }
}

static void send_owed(struct peer *p) {
  while (p->owed && !p->is_writing) {
    uint64_t n = p->owed < block_count ? p->owed : block_count;
    p->owed -= n;
    put_frames(p, n);
  }
  if (!p->owed && !p->is_writing) part_done(p);
}

static void connect_one(void);

static void next_idle(void) {
  if (opened == 1) {
    bench_job_start(&job);
    for (unsigned i = 0; i < WAVE && peer_count < job.in_flight + 1; i++)
      connect_one();
  } else if (opened == job.in_flight + 1) {
    bench_job_finish(&job);
    bench_job_report(&job);
    exit(0);
  } else if (peer_count < job.in_flight + 1) {
    connect_one();
  }
}

static void on_open(struct peer *p) {
  opened++;
  if (job.mode == BENCH_JOB_ECHO) p->owed = job.in_flight;
  if (job.mode == BENCH_JOB_SEND) p->owed = job.warmup;
  if (job.mode == BENCH_JOB_IDLE)
    next_idle();
  else if (p->owed)
    send_owed(p);
}

/* Bytes of answers: how many messages are whole by now? */
static void count(struct peer *p, size_t len) {
  p->bytes += len;
  uint64_t n = p->bytes / answer_len - p->counted;
  if (!n) return;
  p->counted += n;
  if (bench_job_tick(&job, n)) {
    hang_up_all();
  } else if (job.mode == BENCH_JOB_ECHO) {
    p->owed += n;
    send_owed(p);
  }
}

static void take_plain(void *arg, const uint8_t *data, size_t len) {
  static const char end[] = "\r\n\r\n";
  struct peer *p = arg;
  size_t i = 0;
  if (!p->is_open) {
    for (; i < len && p->head_match < 4; i++)
      p->head_match = data[i] == end[p->head_match] ? p->head_match + 1 : data[i] == '\r';
    if (p->head_match < 4) return;
    p->is_open = 1;
    on_open(p);
  }
  if (i < len) count(p, len - i);
}

static void send_request(struct peer *p) {
  char text[256];
  int len = snprintf(text, sizeof text,
                     "GET %s HTTP/1.1\r\nHost: %s:%s\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                     job.path, job.host, job.port);
  size_t out_len = (size_t)len;
  const uint8_t *out = (const uint8_t *)text;
  if (p->tls) out = floor_tls_seal(p->tls, out, out_len, &out_len);
  put(p, out, out_len);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)handle, (void)suggested;
  *out = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  struct peer *p = stream->data;
  if (n < 0) {
    fprintf(stderr, "bench_floor: %s\n", uv_strerror((int)n));
    exit(1);
  }
  if (!p->tls) {
    take_plain(p, (const uint8_t *)buf->base, (size_t)n);
    return;
  }
  size_t len;
  int is_new = floor_tls_open(p->tls, buf->base, (size_t)n, take_plain, p);
  const uint8_t *answer = floor_tls_answer(p->tls, &len);
  if (len && !p->is_writing) put(p, answer, len);
  if (is_new) send_request(p);
}

static void on_connect(uv_connect_t *connect, int status) {
  struct peer *p = connect->data;
  size_t len;
  if (status) exit(1);
  uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
  if (!p->tls) {
    send_request(p);
    return;
  }
  const uint8_t *hello = floor_tls_answer(p->tls, &len);
  put(p, hello, len);
}

static void connect_one(void) {
  struct peer *p = &peers[peer_count++];
  uv_tcp_init(&loop, &p->tcp);
  uv_tcp_nodelay(&p->tcp, 1);
  p->tcp.data = p->connect.data = p;
  if (job.is_secure) p->tls = floor_tls_new();
  uv_tcp_connect(&p->connect, &p->tcp, (struct sockaddr *)&address, on_connect);
}

int main(int argc, char **argv) {
  bench_job_parse(&job, argc, argv);
  uv_loop_init(&loop);
  make_block();
  peers = calloc(job.mode == BENCH_JOB_IDLE ? job.in_flight + 1 : 1, sizeof *peers);
  if (!peers || uv_ip4_addr(job.host, atoi(job.port), &address)) return 1;
  connect_one();
  uv_run(&loop, UV_RUN_DEFAULT);
  return bench_job_report(&job);
}
