/* What several functions of the API judge alike. */
#ifndef UVWS_API_CHECK_H
#define UVWS_API_CHECK_H

#include "util/errors.h"
#include "uvws.h"

/* The flags of a message that say how it is packed. */
#define UVWS__HOW_TO_PACK ((unsigned)(UVWS_SEND_COMPRESSED | UVWS_SEND_PLAIN))

/* A close code and reason (RFC 6455 5.5.1, 7.4). 0 or UVWS_ECLOSECODE. */
int uvws__check_close(int code, const char *reason, size_t reason_len, struct uvws__detail *detail);

#endif
