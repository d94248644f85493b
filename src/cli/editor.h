/*
 * Lines typed at a terminal, edited and remembered. libedit does the editing, on a thread of its
 * own: it waits for the next key inside a key sequence, inside a search through the history and
 * behind a quote, and the loop must not. The thread hands line by line to the loop.
 *
 * Whoever writes to the terminal beside it calls hide and show around, so that the line being typed
 * steps aside.
 */
#ifndef UVWS_CLI_EDITOR_H
#define UVWS_CLI_EDITOR_H

#include <uv.h>

#include "cli/input.h"

struct cli_editor;

/* Whether standard input and output are a terminal that lines can be edited on, and the build has
 * libedit. */
int cli_editor_is_possible(void);

/* Start to read lines. 0, or an error and nothing fires; cli_editor_free is due in any case. */
int cli_editor_open(uv_loop_t *loop, const struct cli_input_events *events, void *owner,
                    struct cli_editor **out);

/* The next line waits until the editor is resumed; it can be typed meanwhile. */
void cli_editor_pause(struct cli_editor *editor);
void cli_editor_resume(struct cli_editor *editor);

/* Give the terminal back; nothing fires behind this. The loop lives on until the thread has ended.
 */
void cli_editor_close(struct cli_editor *editor);

/* Behind uv_run. NULL is accepted, in the following functions too. */
void cli_editor_free(struct cli_editor *editor);

/* Around writes to the terminal, on any thread: the line being typed is wiped, and drawn anew. */
void cli_editor_hide(struct cli_editor *editor);
void cli_editor_show(struct cli_editor *editor);

/* Put the terminal into the state it was found in, when the process has to end at once. */
void cli_editor_reset_terminal(const struct cli_editor *editor);

#endif
