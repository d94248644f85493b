/* Who the user is. */
#ifndef UVWS_CLI_CREDENTIALS_H
#define UVWS_CLI_CREDENTIALS_H

#include "cli/buffer.h"

/* Append "Basic ..." for USER:PASSWORD (RFC 7617), or a token or password as it is, and a NUL.
 * "@FILE" stands for the first line of FILE: what is on a command line can be read by every user of
 * the machine. 0, UV_EINVAL (no colon, empty), or why the file cannot be read. */
int cli_credentials_basic(const char *given, struct cli_buffer *out);
int cli_credentials_secret(const char *given, struct cli_buffer *out);

#endif
