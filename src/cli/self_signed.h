/* A certificate made on the spot: self-signed, for the loopback addresses and `localhost`, for a
 * day. */
#ifndef UVWS_CLI_SELF_SIGNED_H
#define UVWS_CLI_SELF_SIGNED_H

#include <openssl/evp.h>
#include <openssl/x509.h>

/* Both are owned by the caller. Returns 0 or -1: OpenSSL's error queue says why. */
int cli_self_signed_make(EVP_PKEY **out_key, X509 **out_certificate);

#endif
