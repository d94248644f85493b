/*
 * For MemorySanitizer (-Db_sanitize=memory): what libraries that are not built with it have written
 * is taken for written. Each function stands in for the library's by the linker's --wrap. uriparser
 * needs none: it answers with pointers into our text.
 */
#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sanitizer/msan_interface.h>
#include <wslay/wslay.h>
#include <zlib.h>

int __real_wslay_frame_context_init(wslay_frame_context_ptr *ctx,
                                    const struct wslay_frame_callbacks *callbacks, void *user);
int __wrap_wslay_frame_context_init(wslay_frame_context_ptr *ctx,
                                    const struct wslay_frame_callbacks *callbacks, void *user);
ssize_t __real_wslay_frame_recv(wslay_frame_context_ptr ctx, struct wslay_frame_iocb *iocb);
ssize_t __wrap_wslay_frame_recv(wslay_frame_context_ptr ctx, struct wslay_frame_iocb *iocb);
int __real_EVP_EncodeBlock(unsigned char *to, const unsigned char *from, int len);
int __wrap_EVP_EncodeBlock(unsigned char *to, const unsigned char *from, int len);
int __real_EVP_Digest(const void *data, size_t count, unsigned char *to, unsigned int *size,
                      const EVP_MD *type, ENGINE *engine);
int __wrap_EVP_Digest(const void *data, size_t count, unsigned char *to, unsigned int *size,
                      const EVP_MD *type, ENGINE *engine);

int __real_deflate(z_stream *z, int flush);
int __wrap_deflate(z_stream *z, int flush);
int __real_inflate(z_stream *z, int flush);
int __wrap_inflate(z_stream *z, int flush);
int __real_inflateGetDictionary(z_stream *z, Bytef *to, uInt *size);
int __wrap_inflateGetDictionary(z_stream *z, Bytef *to, uInt *size);

/* wslay makes the headers that we send inside its context. */
int __wrap_wslay_frame_context_init(wslay_frame_context_ptr *ctx,
                                    const struct wslay_frame_callbacks *callbacks, void *user) {
  int err = __real_wslay_frame_context_init(ctx, callbacks, user);
  __msan_unpoison(ctx, sizeof *ctx);
  if (!err) __msan_unpoison(*ctx, malloc_usable_size(*ctx));
  return err;
}

/* The payload that `data` points to came through our callback and is judged as it is. */
ssize_t __wrap_wslay_frame_recv(wslay_frame_context_ptr ctx, struct wslay_frame_iocb *iocb) {
  ssize_t count = __real_wslay_frame_recv(ctx, iocb);
  __msan_unpoison(iocb, sizeof *iocb);
  return count;
}

int __wrap_EVP_EncodeBlock(unsigned char *to, const unsigned char *from, int len) {
  int count = __real_EVP_EncodeBlock(to, from, len);
  __msan_unpoison(to, (size_t)count + 1);
  return count;
}

int __wrap_EVP_Digest(const void *data, size_t count, unsigned char *to, unsigned int *size,
                      const EVP_MD *type, ENGINE *engine) {
  int is_done = __real_EVP_Digest(data, count, to, size, type, engine);
  __msan_unpoison(to, (size_t)EVP_MD_get_size(type));
  if (size) __msan_unpoison(size, sizeof *size);
  return is_done;
}

int __wrap_deflate(z_stream *z, int flush) {
  Bytef *from = z->next_out;
  int answer = __real_deflate(z, flush);
  __msan_unpoison(from, (size_t)(z->next_out - from));
  return answer;
}

int __wrap_inflate(z_stream *z, int flush) {
  Bytef *from = z->next_out;
  int answer = __real_inflate(z, flush);
  __msan_unpoison(from, (size_t)(z->next_out - from));
  return answer;
}

int __wrap_inflateGetDictionary(z_stream *z, Bytef *to, uInt *size) {
  int answer = __real_inflateGetDictionary(z, to, size);
  __msan_unpoison(size, sizeof *size);
  if (to) __msan_unpoison(to, *size);
  return answer;
}

/* Reading its configuration, libcrypto gives text of its own to functions that MSan watches. */
__attribute__((constructor)) static void leave_configuration(void) {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}
