/* Masking (RFC 6455 5.3), fused with the copy that the payload needs anyway. */
#ifndef UVWS_PROTO_MASK_H
#define UVWS_PROTO_MASK_H

#include <stddef.h>
#include <stdint.h>

/* `to[i] = from[i] ^ key[(offset + i) % 4]`. `to` and `from` may be equal, else must not overlap.
 */
void uvws__mask_copy(uint8_t *to, const uint8_t *from, size_t len, const uint8_t key[4],
                     uint64_t offset);

#endif
