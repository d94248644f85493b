/*
 * Compressed messages on the way in. Output is made step by step and judged after each: a few bytes
 * that stand for gigabytes cost one step more than the limit allows, and text that is not UTF-8 is
 * seen before the message ends.
 */
#include "proto/expand.h"

#define STEP 16384 /* the least room to expand into */

int uvws__expand_begin(struct uvws__inbound *in) {
  if (in->is_chunked && !in->shared->chunk) {
    in->shared->chunk = uvws__alloc(in->env, UVWS__CHUNK_SIZE);
    if (!in->shared->chunk) return UVWS__ENOMEM;
  }
  if (in->inflater) return 0;
  return uvws__inflater_take(in->env, &in->shared->zstock, in->terms.server_max_window_bits,
                             &in->inflater);
}

/* Where the next step's output goes. */
static int find_room(struct uvws__inbound *in, uint8_t **out, size_t *room) {
  if (in->is_chunked) {
    *out = in->shared->chunk;
    *room = UVWS__CHUNK_SIZE;
    return 0;
  }
  struct uvws__bytes *m = &in->message;
  int err = uvws__inbound_borrow(in);
  if (!err) err = uvws__bytes_reserve(in->env, m, m->len > UVWS__LEAD ? 1 : STEP);
  if (err) return err;
  *out = m->data + m->len;
  *room = m->cap - m->len;
  return 0;
}

/* One step. Answers UVWS__INFLATE_FULL: there is more of the piece; MORE: it is used up. */
static int step(struct uvws__inbound *in, uint8_t *out, size_t room, size_t *out_len,
                int *is_message_over) {
  struct uvws__piece *p = &in->piece;
  *out_len = 0;
  *is_message_over = 0;
  if (p->len) {
    size_t used;
    int answer = uvws__inflate(in->inflater, p->data, p->len, &used, out, room, out_len);
    p->data += used;
    p->len -= used;
    if (answer != UVWS__INFLATE_MORE || !in->is_last_piece) return answer;
  } else if (!in->is_last_piece) {
    /* What the last step's room could not take. */
    size_t used;
    return uvws__inflate(in->inflater, p->data, 0, &used, out, room, out_len);
  }
  size_t more = 0;
  int answer = uvws__inflate_end(in->inflater, out + *out_len, room - *out_len, &more);
  *out_len += more;
  *is_message_over = answer == UVWS__INFLATE_MORE;
  return answer;
}

static int check_total(struct uvws__inbound *in, size_t more, struct uvws__fault *fault) {
  size_t max = in->limits.max_message_size;
  in->total += more;
  in->counts.expanded += more;
  return max != UVWS_NO_LIMIT && in->total > max ? uvws__fault_too_big(fault, max) : 0;
}

static void end_message(struct uvws__inbound *in) {
  in->is_expanding = 0;
  if (!in->terms.server_no_context_takeover) return;
  uvws__inflater_give(&in->shared->zstock, in->inflater);
  in->inflater = NULL;
}

int uvws__expand(struct uvws__inbound *in, struct uvws__inbound_event *event,
                 struct uvws__fault *fault) {
  for (;;) {
    uint8_t *out;
    size_t room, len;
    int is_over;
    if (find_room(in, &out, &room) != 0) return uvws__fault_memory(fault);
    int answer = step(in, out, room, &len, &is_over);
    if (answer == UVWS__ENOMEM) return uvws__fault_memory(fault);
    if (answer < 0) return uvws__fault_deflate(fault);
    int err = check_total(in, len, fault);
    if (!err) err = uvws__inbound_judge(in, out, len, is_over, fault);
    if (err) return err;
    if (!in->is_chunked) in->message.len += len;
    if (is_over) end_message(in);
    if (answer == UVWS__INFLATE_MORE) in->is_expanding = 0;
    if (in->is_chunked && (len || is_over))
      return uvws__inbound_chunk(in, out, len, is_over, event);
    if (is_over) return uvws__inbound_kept(in, event);
    if (answer == UVWS__INFLATE_MORE) return UVWS__IN_MORE;
  }
}
