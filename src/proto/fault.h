/* What a peer did wrong: our error, the code for our Close frame (RFC 6455 7.4.1), one line for a
 * person. */
#ifndef UVWS_PROTO_FAULT_H
#define UVWS_PROTO_FAULT_H

#include "util/errors.h"

struct uvws__fault {
  int close_code;
  struct uvws__detail detail;
};

/* Each fills in `fault` and returns the error. */
int uvws__fault_protocol(struct uvws__fault *fault, const char *text);       /* 1002 */
int uvws__fault_close_code(struct uvws__fault *fault, int code);             /* 1002 */
int uvws__fault_utf8(struct uvws__fault *fault, const char *what);           /* 1007 */
int uvws__fault_deflate(struct uvws__fault *fault);                          /* 1007 */
int uvws__fault_too_big(struct uvws__fault *fault, size_t max_message_size); /* 1009 */
int uvws__fault_fragments(struct uvws__fault *fault, size_t max_fragments);  /* 1009 */
int uvws__fault_memory(struct uvws__fault *fault);                           /* 1011 */

#endif
