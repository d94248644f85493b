/* OpenSSL's memory does not fail in the hands of the far end. */
#include <openssl/evp.h>

#include "fault/fault.h"

int far_end_digest(const void *data, size_t count, unsigned char *md, unsigned int *size,
                   const EVP_MD *type, ENGINE *impl);

int far_end_digest(const void *data, size_t count, unsigned char *md, unsigned int *size,
                   const EVP_MD *type, ENGINE *impl) {
  fault_hold();
  int is_done = EVP_Digest(data, count, md, size, type, impl);
  fault_let();
  return is_done;
}
