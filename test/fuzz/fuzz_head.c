/* The server's answer, whole and in pieces, which must come to the same, and what is made of it. */
#include "fuzz.h"
#include "proto/extension.h"
#include "proto/handshake.h"

struct outcome {
  int result;
  int status;
  size_t used;
  uint64_t hash;
};

struct plan {
  size_t max_head_size;
  int is_tunnel;
  int has_end;
  uint32_t cuts; /* 0: whole */
  size_t fail_at;
};

static void judge(const struct uvws__head *head) {
  static const char *const protocols[] = {"chat", "superchat"};
  struct uvws__request request = {.protocols = protocols, .protocol_count = 2, .extensions = "x"};
  struct uvws__deflate_offer offer = {0};
  struct uvws__deflate_terms terms;
  struct uvws__detail detail = {{0}};
  const char *protocol = NULL, *extensions = NULL;
  int err = uvws__answer_check(head, &request, "dGhlIHNhbXBsZSBub25jZQ==", &detail, &protocol,
                               &extensions);
  MUST(err == 0 || err == UVWS_EHANDSHAKE);
  if (err) {
    MUST(detail.text[0]);
    return;
  }
  MUST(!protocol || !strcmp(protocol, "chat") || !strcmp(protocol, "superchat"));
  if (extensions) (void)uvws__extension_answer(extensions, &offer, &detail, &terms);
}

static void describe(const struct uvws__head *head, struct outcome *out) {
  size_t count = 0, body_len = 0;
  const uvws_header_t *fields = uvws__head_fields(head, &count);
  const uint8_t *body = uvws__head_body(head, &body_len);
  MUST(count <= UVWS__FIELDS_MAX && body_len <= UVWS__BODY_MAX);
  for (size_t i = 0; i < count; i++) {
    fuzz_hash(&out->hash, fields[i].name, strlen(fields[i].name) + 1);
    fuzz_hash(&out->hash, fields[i].value, strlen(fields[i].value) + 1);
    MUST(uvws__head_find(head, fields[i].name));
  }
  if (body_len) fuzz_hash(&out->hash, body, body_len);
  out->status = uvws__head_status(head);
}

static int feed(struct uvws__head *head, struct fuzz_input in, const struct plan *plan,
                struct outcome *out) {
  struct uvws__detail detail = {{0}};
  uint32_t cuts = plan->cuts;
  int result = UVWS__HEAD_MORE;
  while (in.len && result == UVWS__HEAD_MORE) {
    size_t len, used = 0;
    uint8_t *piece = fuzz_take(&in, plan->cuts ? fuzz_cut(&cuts, in.len) : in.len, &len);
    result = uvws__head_feed(head, piece, len, &detail, &used);
    free(piece);
    MUST(used <= len);
    if (result >= 0) out->used += used;
  }
  if (result == UVWS__HEAD_MORE && plan->has_end) result = uvws__head_end(head, &detail);
  MUST(result >= 0 || result == UVWS__ENOMEM || detail.text[0]);
  return result;
}

/* Taken out, the fields are found as before. */
static void take(const struct uvws__env *env, struct uvws__head *head) {
  struct uvws__fields taken;
  size_t count;
  const uvws_header_t *fields = uvws__head_fields(head, &count);
  const char *name = count ? fields[count - 1].name : "none";
  const char *value = uvws__head_find(head, name);
  uvws__head_take_fields(head, &taken);
  MUST(taken.count == count);
  MUST(uvws__fields_find(&taken, name) == value);
  uvws__free(env, taken.text);
}

static struct outcome run(struct fuzz_input in, const struct plan *plan) {
  struct fake_env fake;
  struct outcome out = {.hash = 1};
  struct uvws__head *head = NULL;
  fake_env_init(&fake);
  fake.fail_at = plan->fail_at;
  if (uvws__head_new(&fake.env, plan->max_head_size, &head)) {
    MUST(fake.live == 0);
    return (struct outcome){.result = UVWS__ENOMEM};
  }
  if (plan->is_tunnel) uvws__head_expect_tunnel(head);
  out.result = feed(head, in, plan, &out);
  if (out.result > 0) {
    if (out.result == UVWS__HEAD_UPGRADED && !plan->is_tunnel) judge(head);
    describe(head, &out);
    take(&fake.env, head);
  }
  uvws__head_free(head);
  MUST(fake.live == 0);
  return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
  struct fuzz_input in = {data, len};
  uint8_t flags = fuzz_byte(&in);
  uint8_t cuts = fuzz_byte(&in);
  struct plan plan = {.max_head_size = flags & 1 ? 200 : 65536,
                      .is_tunnel = flags >> 1 & 1,
                      .has_end = flags >> 2 & 1,
                      .fail_at = 0};
  struct outcome whole = run(in, &plan);
  plan.cuts = cuts + 1u;
  struct outcome cut = run(in, &plan);
  MUST(whole.result == cut.result);
  if (whole.result > 0) {
    MUST(whole.status == cut.status);
    MUST(whole.hash == cut.hash);
    if (whole.result == UVWS__HEAD_UPGRADED) MUST(whole.used == cut.used);
  }
  plan.fail_at = flags >> 3;
  if (plan.fail_at) (void)run(in, &plan);
  return 0;
}
