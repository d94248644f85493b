/*
 * Messages that are lent to us (UVWS_SEND_BORROWED): their payload stays where it is and is masked
 * into a few warm blocks as the kernel takes it, so that a queue of large messages holds no copy of
 * them. What is queued behind a loan waits in a chain of the loan's own, which becomes a part of
 * `out` once the loan is used up.
 */
#include "conn/conn.h"

#include <assert.h>

/* Loans that are kept for the next ones. */
#define SPARES_MAX 64

/* Where the next bytes go. */
static struct uvws__chain *tail_of(struct uvws__conn *c) {
  return c->lending->last ? &c->lending->last->behind : &c->out;
}

void uvws__lending_append(struct uvws__conn *c, struct uvws__frame_out *frame, const uint8_t *data,
                          size_t len) {
  struct uvws__chain *tail = tail_of(c);
  size_t before = tail->len;
  uvws__framer_write(c->ctx->writer, frame, data, len, tail, &c->ctx->pool);
  if (tail != &c->out) c->lending->len += tail->len - before;
}

static struct uvws__loan *take_spare(struct uvws__conn *c) {
  struct uvws__lending *lending = c->lending;
  struct uvws__loan *loan = lending->spare;
  if (!loan) return uvws__calloc(&c->ctx->env, sizeof *loan);
  lending->spare = loan->next;
  lending->spare_count--;
  *loan = (struct uvws__loan){0};
  return loan;
}

static void give_spare(struct uvws__conn *c, struct uvws__loan *loan) {
  struct uvws__lending *lending = c->lending;
  if (lending->spare_count == SPARES_MAX) {
    uvws__free(&c->ctx->env, loan);
    return;
  }
  loan->next = lending->spare;
  lending->spare = loan;
  lending->spare_count++;
}

int uvws__loan_new(struct uvws__conn *c, struct uvws__loan **out) {
  if (!c->lending) c->lending = uvws__calloc(&c->ctx->env, sizeof *c->lending);
  if (!c->lending) return UV_ENOMEM;
  *out = take_spare(c);
  return *out ? 0 : UV_ENOMEM;
}

void uvws__lend(struct uvws__conn *c, struct uvws__loan *loan) {
  struct uvws__lending *lending = c->lending;
  assert(loan->len > UINT16_MAX); /* hence the longest header */
  lending->len += UVWS__HEADER_MAX + loan->len;
  if (lending->last)
    lending->last->next = loan;
  else
    lending->first = loan;
  lending->last = loan;
}

static void pop(struct uvws__conn *c) {
  struct uvws__lending *lending = c->lending;
  struct uvws__loan *loan = lending->first;
  lending->first = loan->next;
  if (!lending->first) lending->last = NULL;
  give_spare(c, loan);
}

static int draw(struct uvws__conn *c, struct uvws__loan *loan) {
  size_t n = loan->len < UVWS__MASK_STEP ? loan->len : UVWS__MASK_STEP;
  size_t before = c->out.len;
  int err = uvws__pool_reserve(&c->ctx->pool, UVWS__HEADER_MAX + n);
  if (err) return err;
  if (loan->frame.offset == 0) uvws__frame_begin(&loan->frame, &c->out, &c->ctx->pool);
  uvws__frame_go_on(&loan->frame, loan->data, n, &c->out, &c->ctx->pool);
  loan->data += n;
  loan->len -= n;
  c->lending->len -= c->out.len - before;
  return 0;
}

int uvws__lending_draw(struct uvws__conn *c) {
  while (c->lending->first && c->out.len < UVWS__MASK_STEP) {
    struct uvws__loan *loan = c->lending->first;
    int err = draw(c, loan);
    if (err) return err;
    if (loan->len) continue;
    c->lending->len -= loan->behind.len;
    uvws__chain_splice(&c->out, &loan->behind);
    pop(c);
  }
  return 0;
}

void uvws__lending_clear(struct uvws__conn *c) {
  if (!c->lending) return;
  while (c->lending->first) {
    uvws__chain_clear(&c->lending->first->behind, &c->ctx->pool);
    pop(c);
  }
  c->lending->len = 0;
}

void uvws__lending_free(struct uvws__conn *c) {
  if (!c->lending) return;
  uvws__lending_clear(c);
  while (c->lending->spare) {
    struct uvws__loan *loan = c->lending->spare;
    c->lending->spare = loan->next;
    uvws__free(&c->ctx->env, loan);
  }
  uvws__free(&c->ctx->env, c->lending);
  c->lending = NULL;
}
