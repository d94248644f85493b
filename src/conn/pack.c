/* Messages on the way out that are compressed (RFC 7692 7.2.1), and those that are sent in pieces.
 */
#include "conn/conn.h"

/* Room for packed messages that is kept between them. */
#define PACKED_KEEP ((size_t)1 << 20)

int uvws__conn_is_packed(const struct uvws__conn *c, size_t len, unsigned flags) {
  const struct uvws__deflate_terms *terms = &c->inbound.terms;
  if (!terms->is_agreed || (flags & UVWS_SEND_PLAIN)) return 0;
  /* zlib writes no raw DEFLATE with a window of 256 bytes. */
  if (terms->client_max_window_bits <= UVWS__WINDOW_BITS_MIN) return 0;
  return (flags & UVWS_SEND_COMPRESSED) || len >= c->packer.threshold;
}

static void give_back(struct uvws__conn *c) {
  uvws__deflater_give(&c->ctx->inbound.zstock, c->packer.deflater);
  c->packer.deflater = NULL;
}

int uvws__conn_pack(struct uvws__conn *c, const uint8_t *data, size_t len, int is_last,
                    struct uvws__bytes *out) {
  struct uvws__packer *p = &c->packer;
  const struct uvws__env *env = &c->ctx->env;
  if (out->cap > PACKED_KEEP && out->cap / 4 > len) uvws__bytes_deinit(env, out);
  p->options.window_bits = c->inbound.terms.client_max_window_bits;
  size_t before = out->len;
  int err = 0;
  if (!p->deflater)
    err = uvws__deflater_take(env, &c->ctx->inbound.zstock, &p->options, &p->deflater);
  if (!err) err = uvws__deflate(p->deflater, data, len, is_last, out);
  c->ws->counters.plain_bytes_out += len;
  c->ws->counters.compressed_bytes_out += out->len - before;
  if (err || (is_last && c->inbound.terms.client_no_context_takeover)) give_back(c);
  return err;
}

/* The history of the compressor is ahead of the server's: a fresh one refers to none. */
void uvws__conn_unpack(struct uvws__conn *c) {
  give_back(c);
}

int uvws__conn_pieces_begin(struct uvws__conn *c, uvws_kind_t kind, unsigned flags) {
  if (c->state != CONN_OPEN || c->write_error) return UVWS_ENOTOPEN;
  if (c->pieces.is_begun) return UVWS_EMESSAGE_OPEN;
  c->pieces.is_begun = 1;
  c->pieces.opcode = kind == UVWS_TEXT ? UVWS__OP_TEXT : UVWS__OP_BINARY;
  c->pieces.is_compressed = (flags & UVWS_SEND_COMPRESSED) && uvws__conn_is_packed(c, 0, flags);
  return 0;
}

static int send_piece(struct uvws__conn *c, const struct uvws__outgoing *out, int is_last) {
  struct uvws__pieces *p = &c->pieces;
  struct uvws__frame_out frame = {.fin = (uint8_t)is_last, .opcode = p->opcode};
  if (p->is_compressed && p->opcode != UVWS__OP_CONTINUATION) frame.rsv = UVWS__RSV1;
  int err = uvws__conn_send_frame(c, &frame, out);
  if (err < 0) return err;
  p->opcode = UVWS__OP_CONTINUATION;
  if (is_last) p->is_begun = 0;
  return err;
}

int uvws__conn_pieces_write(struct uvws__conn *c, const uint8_t *data, size_t len, int is_last,
                            uvws_send_cb cb, void *arg) {
  struct uvws__outgoing out = {.data = data, .len = len, .cb = cb, .arg = arg};
  if (c->state != CONN_OPEN || c->write_error) return UVWS_ENOTOPEN;
  if (!c->pieces.is_begun) return UVWS_ENOMESSAGE;
  if (uvws__conn_is_full(c, len)) return UVWS_EQUEUEFULL;
  if (!c->pieces.is_compressed) return send_piece(c, &out, is_last);
  c->ctx->packed.len = 0;
  int err = uvws__conn_pack(c, data, len, is_last, &c->ctx->packed);
  if (err) return err;
  out.data = c->ctx->packed.data;
  out.len = c->ctx->packed.len;
  err = send_piece(c, &out, is_last);
  if (err < 0) uvws__conn_unpack(c);
  return err;
}
