/*
 * A WebSocket server under the test's thumb: a raw TCP peer on the loop of the client under test,
 * which answers what the test says, cut as the test says, and writes down what the client sends by
 * a frame parser of its own. Nothing of the library is used here. Its handles are unreferenced:
 * they never keep the loop alive, so uv_run returns when the client has nothing to do any more.
 */
#ifndef UVWS_TEST_PEER_H
#define UVWS_TEST_PEER_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define PEER_CONNS_MAX 16

/* How the bytes of a plan leave. */
enum peer_pace {
  PEER_WHOLE, /* the answer, then, when it is with the kernel, the bytes */
  PEER_BYTES, /* byte by byte, one a turn of the loop */
  PEER_GLUED, /* answer and bytes in one write */
  PEER_PACES
};

/* What follows when all bytes of the plan have left. */
enum peer_end {
  PEER_STAY,
  PEER_FIN,  /* an orderly end; what the client sends is still read */
  PEER_RESET /* RST */
};

/* What is done when the client's Close has come. */
enum peer_manners {
  PEER_POLITE,      /* the Close is answered in kind, then a FIN */
  PEER_MUTE,        /* nothing */
  PEER_DROPS,       /* a FIN */
  PEER_RESETS,      /* an RST */
  PEER_ANSWERS_ONLY /* the Close is answered, TCP stays open */
};

/* Zero means the default throughout. */
struct peer_plan {
  const char *answer; /* to the request; "%A" becomes the right Accept; NULL: a good 101 */
  size_t answer_pad;  /* that many 'x' in place of "%X" in it */
  const void *bytes;  /* behind the answer */
  size_t len;
  enum peer_pace pace;
  enum peer_end end;
  enum peer_manners manners;
  int is_silent;      /* the request is not answered */
  int speaks_first;   /* the answer does not wait for the request */
  int is_deaf;        /* stops reading behind the request */
  int echoes;         /* text and binary come back as they came */
  int receive_buffer; /* of the kernel, in bytes */
};

struct peer_frame {
  uint8_t fin;
  uint8_t rsv;
  uint8_t opcode;
  uint8_t is_masked;
  uint8_t key[4];
  size_t len;
  uint8_t *data; /* unmasked, owned by the connection */
};

struct peer_buf {
  uint8_t *data;
  size_t len;
  size_t cap;
};

struct peer;

struct peer_conn {
  struct peer *peer;
  uv_tcp_t handle;
  const struct peer_plan *plan;
  struct peer_buf in;   /* not taken apart yet */
  struct peer_buf drip; /* to be sent byte by byte */
  size_t dripped;
  int is_dripping;
  int wants_fin; /* behind the drip */
  size_t writes; /* under way */
  size_t budget; /* bytes that may still be read; SIZE_MAX: any number */
  char *request; /* whole, ends with NUL; NULL: not there yet */
  struct peer_frame *frames;
  size_t frame_count;
  size_t received; /* bytes behind the request */
  int is_answered;
  int is_ended; /* the end of the plan was done */
  int is_done_sending;
  int saw_close;
  int saw_eof;
  int saw_error; /* of reading */
  int is_closed;
  void *arg; /* of the test */
};

struct peer {
  uv_loop_t *loop;
  uv_tcp_t listener;
  unsigned port;
  struct peer_plan plan; /* for connections to come */
  struct peer_conn *conns[PEER_CONNS_MAX];
  size_t conn_count;
  void (*on_frame)(struct peer_conn *conn, const struct peer_frame *frame); /* may be NULL */
};

void peer_init(struct peer *peer, uv_loop_t *loop, const struct peer_plan *plan);
/* Close all handles; the memory goes with peer_deinit, once the loop has run. */
void peer_close(struct peer *peer);
void peer_deinit(struct peer *peer);

/* Send bytes as they are, at the plan's pace. */
void peer_send(struct peer_conn *conn, const void *data, size_t len);
/* Send one frame; `first` is its first byte (FIN, RSV, opcode). */
void peer_send_frame(struct peer_conn *conn, int first, const void *data, size_t len);
void peer_fin(struct peer_conn *conn);
void peer_reset(struct peer_conn *conn);
void peer_drop(struct peer_conn *conn); /* close the socket: a FIN, then an RST for what comes */
/* Read `len` bytes more, then stop; SIZE_MAX: read for good. */
void peer_read(struct peer_conn *conn, size_t len);

/* The Close frame that the client sent: its code (1005: none), 0 when it sent none. */
int peer_close_code(const struct peer_conn *conn);
/* How many frames of that opcode the client sent. */
size_t peer_count(const struct peer_conn *conn, int opcode);

/* Write a frame header (no mask) for a payload of `len` bytes; returns its length, at most 10. */
size_t peer_frame_header(uint8_t out[10], int first, uint64_t len);

/* base64(SHA-1(key + GUID)) (RFC 6455 4.2.2), as a string. */
void peer_accept_value(const char *key, char out[29]);

#endif
