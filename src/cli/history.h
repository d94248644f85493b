/* The file that typed lines are remembered in. */
#ifndef UVWS_CLI_HISTORY_H
#define UVWS_CLI_HISTORY_H

#include "cli/buffer.h"

/* Its path, with NUL: $UVWS_HISTORY, else uvws/history in $XDG_STATE_HOME or ~/.local/state, whose
 * folders are made. Empty when there is to be none. 0 or UV_ENOMEM. */
int cli_history_path(struct cli_buffer *out);

#endif
