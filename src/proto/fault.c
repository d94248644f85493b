/* What a peer did wrong, in numbers and words. */
#include "proto/fault.h"

#include "proto/close_code.h"

int uvws__fault_protocol(struct uvws__fault *fault, const char *text) {
  fault->close_code = UVWS__CLOSE_PROTOCOL_ERROR;
  return uvws__fail(&fault->detail, UVWS_EPROTOCOL, "the server sent %s", text);
}

int uvws__fault_close_code(struct uvws__fault *fault, int code) {
  fault->close_code = UVWS__CLOSE_PROTOCOL_ERROR;
  return uvws__fail(&fault->detail, UVWS_EPROTOCOL,
                    "the server sent a Close frame with the code %d, which may not be sent", code);
}

int uvws__fault_utf8(struct uvws__fault *fault, const char *what) {
  fault->close_code = UVWS__CLOSE_BAD_DATA;
  return uvws__fail(&fault->detail, UVWS_EUTF8, "the server sent %s that is not valid UTF-8", what);
}

int uvws__fault_deflate(struct uvws__fault *fault) {
  fault->close_code = UVWS__CLOSE_BAD_DATA;
  return uvws__fail(&fault->detail, UVWS_EPROTOCOL,
                    "the server sent a compressed message that is not DEFLATE (RFC 7692 7.2.2)");
}

int uvws__fault_too_big(struct uvws__fault *fault, size_t max_message_size) {
  fault->close_code = UVWS__CLOSE_TOO_BIG;
  return uvws__fail(&fault->detail, UVWS_EMESSAGE_TOO_BIG,
                    "the server sent a message larger than max_message_size (%zu bytes)",
                    max_message_size);
}

int uvws__fault_fragments(struct uvws__fault *fault, size_t max_fragments) {
  fault->close_code = UVWS__CLOSE_TOO_BIG;
  return uvws__fail(&fault->detail, UVWS_ETOO_MANY_FRAGMENTS,
                    "the server sent a message in more than max_fragments (%zu) frames",
                    max_fragments);
}

int uvws__fault_memory(struct uvws__fault *fault) {
  fault->close_code = UVWS__CLOSE_INTERNAL_ERROR;
  return uvws__fail(&fault->detail, UVWS__ENOMEM, "no memory for a message");
}
