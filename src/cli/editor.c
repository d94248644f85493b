/*
 * The line editor: libedit (chosen before GNU readline for its licence; uvws is under MIT) on a
 * thread.
 *
 * `screen` guards libedit and the terminal. The thread holds it but while it waits for a key, so
 * whoever writes messages finds the line in a state that can be drawn again. `mail` guards what the
 * thread hands to the loop: a line, which the loop answers by `taken`, and the end.
 */
#include "cli/editor.h"

#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/history.h"

#define HISTORY_LINES 1000
#define PROMPT "> "
#define PROMPT_COLUMNS 2

/* What the loop writes into the pipe that the thread listens to beside the keys. */
enum { WAKE_END = 'e', WAKE_RESIZED = 'r', WAKE_CONTINUED = 'c' };

struct cli_editor {
  const struct cli_input_events *events;
  void *owner;
  int is_paused;
  int is_closed;

  uv_async_t async;
  uv_signal_t resized;
  uv_signal_t continued;
  uv_thread_t thread;
  int has_thread;
  uv_file wake[2];
  struct termios found;

  uv_mutex_t mail;
  uv_sem_t taken;
  const char *line; /* libedit's, until `taken` */
  size_t line_len;
  int has_ended;

  uv_mutex_t screen;
  EditLine *edit;
  History *history;
  struct cli_buffer history_path;
  mbstate_t shift;
  int is_editing;
  int is_ending; /* WAKE_END was seen */
};

/*
 * The terminal
 */

static int columns_of(wchar_t c) {
  if (c < 0x20 || c == 0x7f) return 2; /* ^X */
  int width = wcwidth(c);
  return width >= 0 ? width : 8; /* \U+xxxxx */
}

/* How many rows above the cursor the prompt is. libedit wraps as soon as a row is full. */
static int cursor_row(struct cli_editor *e) {
  int columns = 80;
  (void)el_get(e->edit, EL_GETTC, "co", &columns);
  const LineInfoW *line = el_wline(e->edit);
  int row = 0;
  int column = PROMPT_COLUMNS;
  for (const wchar_t *c = line->buffer; c < line->cursor; c++) {
    int width = columns_of(*c);
    if (column + width > columns) row++, column = 0;
    column += width;
    if (column == columns) row++, column = 0;
  }
  return row;
}

static void wipe(int rows_above) {
  if (rows_above > 0) printf("\x1b[%dA", rows_above);
  printf("\r\x1b[J");
  fflush(stdout);
}

void cli_editor_hide(struct cli_editor *editor) {
  if (editor == NULL) return;
  uv_mutex_lock(&editor->screen);
  if (editor->is_editing) wipe(cursor_row(editor));
}

void cli_editor_show(struct cli_editor *editor) {
  if (editor == NULL) return;
  if (editor->is_editing) el_set(editor->edit, EL_REFRESH);
  uv_mutex_unlock(&editor->screen);
}

void cli_editor_reset_terminal(const struct cli_editor *editor) {
  if (editor != NULL) (void)tcsetattr(STDIN_FILENO, TCSANOW, &editor->found);
}

/*
 * The thread
 */

/* A byte from the terminal, or negative: a WAKE_, or -1 at the end of the input. */
static int wait_for_byte(struct cli_editor *e) {
  struct pollfd waits[] = {{.fd = e->wake[0], .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
  for (;;) {
    if (poll(waits, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    int is_wake = waits[0].revents != 0;
    unsigned char byte = 0;
    ssize_t len = read(is_wake ? e->wake[0] : STDIN_FILENO, &byte, 1);
    if (len < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (len <= 0) return -1;
    return is_wake ? -byte : byte;
  }
}

/* Behind a stop the shell has set the terminal to its own liking. */
static void obey(struct cli_editor *e, int wake) {
  if (wake == WAKE_RESIZED) el_resize(e->edit);
  if (wake != WAKE_CONTINUED) return;
  el_set(e->edit, EL_PREP_TERM, 1);
  el_set(e->edit, EL_REFRESH);
}

static int on_key_wanted(EditLine *edit, wchar_t *out) {
  struct cli_editor *e = NULL;
  el_get(edit, EL_CLIENTDATA, &e);
  for (;;) {
    uv_mutex_unlock(&e->screen);
    int byte = wait_for_byte(e);
    uv_mutex_lock(&e->screen);
    if (byte == -1 || byte == -WAKE_END) {
      e->is_ending = 1;
      wipe(cursor_row(e));
      return 0;
    }
    if (byte < 0) {
      obey(e, -byte);
      continue;
    }
    char c = (char)byte;
    size_t len = mbrtowc(out, &c, 1, &e->shift);
    if (len == (size_t)-2) continue;
    if (len != (size_t)-1) return 1;
    memset(&e->shift, 0, sizeof e->shift);
    *out = L'?';
    return 1;
  }
}

static char *on_prompt(EditLine *edit) {
  (void)edit;
  static char prompt[] = PROMPT;
  return prompt;
}

/* As in a shell, a line that begins with a space is not remembered, nor is an empty one. */
static void remember(struct cli_editor *e, const char *line) {
  HistEvent event;
  if (line[0] != '\0' && line[0] != '\n' && line[0] != ' ')
    history(e->history, &event, H_ENTER, line);
}

/* The next line, NULL at the end. */
static const char *edit_line(struct cli_editor *e, size_t *out_len) {
  int count = 0;
  el_set(e->edit, EL_PREP_TERM, 1); /* el_gets shows the prompt before it does this */
  e->is_editing = 1;
  const char *line = el_gets(e->edit, &count);
  e->is_editing = 0;
  if (line == NULL || count <= 0 || e->is_ending) {
    if (!e->is_ending) wipe(0); /* end of file, on an empty line */
    return NULL;
  }
  remember(e, line);
  *out_len = (size_t)count - (line[count - 1] == '\n');
  return line;
}

static void hand_over(struct cli_editor *e, const char *line, size_t len) {
  uv_mutex_lock(&e->mail);
  e->line = line;
  e->line_len = len;
  e->has_ended = line == NULL;
  uv_mutex_unlock(&e->mail);
  uv_async_send(&e->async);
}

static void thread_main(void *arg) {
  struct cli_editor *e = arg;
  size_t len = 0;
  const char *line = NULL;
  uv_mutex_lock(&e->screen);
  while ((line = edit_line(e, &len)) != NULL) {
    uv_mutex_unlock(&e->screen);
    hand_over(e, line, len);
    uv_sem_wait(&e->taken);
    uv_mutex_lock(&e->screen);
  }
  uv_mutex_unlock(&e->screen);
  hand_over(e, NULL, 0);
}

/*
 * The loop's side
 */

static void wake(struct cli_editor *e, char what) {
  uv_buf_t buf = uv_buf_init(&what, 1);
  uv_fs_t request;
  (void)uv_fs_write(NULL, &request, e->wake[1], &buf, 1, -1, NULL);
  uv_fs_req_cleanup(&request);
}

static void on_signal(uv_signal_t *handle, int number) {
  wake(handle->data, number == SIGWINCH ? WAKE_RESIZED : WAKE_CONTINUED);
}

static void close_handles(struct cli_editor *e) {
  uv_handle_t *const handles[] = {(uv_handle_t *)&e->async, (uv_handle_t *)&e->resized,
                                  (uv_handle_t *)&e->continued};
  for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
    if (!uv_is_closing(handles[i])) uv_close(handles[i], NULL);
}

static void on_mail(uv_async_t *async) {
  struct cli_editor *e = async->data;
  uv_mutex_lock(&e->mail);
  const char *line = e->line;
  size_t len = e->line_len;
  int has_ended = e->has_ended;
  if (!e->is_paused) e->line = NULL;
  uv_mutex_unlock(&e->mail);
  if (has_ended && e->is_closed) close_handles(e);
  if (e->is_closed) return;
  if (has_ended) {
    e->events->on_end(e->owner, 0);
  } else if (line != NULL && !e->is_paused) {
    e->events->on_line(e->owner, line, len);
    uv_sem_post(&e->taken);
  }
}

void cli_editor_pause(struct cli_editor *editor) {
  editor->is_paused = 1;
}

void cli_editor_resume(struct cli_editor *editor) {
  editor->is_paused = 0;
  uv_async_send(&editor->async);
}

void cli_editor_close(struct cli_editor *editor) {
  if (editor == NULL || editor->is_closed) return;
  editor->is_closed = 1;
  wake(editor, WAKE_END);
  uv_sem_post(&editor->taken);
  uv_async_send(&editor->async);
}

/*
 * Beginning and end
 */

int cli_editor_is_possible(void) {
  const char *terminal = getenv("TERM");
  return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && terminal != NULL && terminal[0] != '\0' &&
         strcmp(terminal, "dumb") != 0;
}

/* What is typed becomes WebSocket text, which is UTF-8 whatever the locale says. */
static void use_utf8(void) {
  (void)setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) (void)setlocale(LC_CTYPE, "C.UTF-8");
}

static int open_history(struct cli_editor *e) {
  HistEvent event;
  e->history = history_init();
  if (e->history == NULL || cli_history_path(&e->history_path) != 0) return UV_ENOMEM;
  history(e->history, &event, H_SETSIZE, HISTORY_LINES);
  history(e->history, &event, H_SETUNIQUE, 1);
  if (e->history_path.len > 0) history(e->history, &event, H_LOAD, e->history_path.data);
  return 0;
}

static int open_edit(struct cli_editor *e) {
  e->edit = el_init("uvws", stdin, stdout, stderr);
  if (e->edit == NULL) return UV_ENOMEM;
  el_set(e->edit, EL_CLIENTDATA, e);
  el_set(e->edit, EL_PROMPT, on_prompt);
  el_set(e->edit, EL_EDITOR, "emacs");
  el_set(e->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
  el_set(e->edit, EL_HIST, history, e->history);
  el_set(e->edit, EL_GETCFN, on_key_wanted);
  /* Between two lines libedit gives the terminal back: what is typed then would be seen twice, and
   * the kernel would take ^R, ^W and ^D for itself, or make a NUL of them. */
  el_set(e->edit, EL_SETTY, "-x", "-echo", "-icanon", "-iexten", NULL);
  el_source(e->edit, NULL); /* ~/.editrc, where there is one */
  return 0;
}

static int open_handles(struct cli_editor *e, uv_loop_t *loop) {
  int err = uv_async_init(loop, &e->async, on_mail);
  if (err != 0) return err;
  uv_signal_init(loop, &e->resized);
  uv_signal_init(loop, &e->continued);
  e->async.data = e->resized.data = e->continued.data = e;
  uv_unref((uv_handle_t *)&e->resized);
  uv_unref((uv_handle_t *)&e->continued);
  err = uv_signal_start(&e->resized, on_signal, SIGWINCH);
  if (err == 0) err = uv_signal_start(&e->continued, on_signal, SIGCONT);
  if (err == 0) err = uv_thread_create(&e->thread, thread_main, e);
  e->has_thread = err == 0;
  if (err != 0) close_handles(e);
  return err;
}

static void free_parts(struct cli_editor *e) {
  if (e->edit != NULL) el_end(e->edit);
  cli_editor_reset_terminal(e);
  if (e->history != NULL) history_end(e->history);
  cli_buffer_deinit(&e->history_path);
  for (int i = 0; i < 2; i++)
    if (e->wake[i] >= 0) close(e->wake[i]);
  uv_sem_destroy(&e->taken);
  uv_mutex_destroy(&e->screen);
  uv_mutex_destroy(&e->mail);
  free(e);
}

int cli_editor_open(uv_loop_t *loop, const struct cli_input_events *events, void *owner,
                    struct cli_editor **out) {
  struct cli_editor *e = calloc(1, sizeof *e);
  if (e == NULL) return UV_ENOMEM;
  e->events = events;
  e->owner = owner;
  e->wake[0] = e->wake[1] = -1;
  if (uv_mutex_init(&e->mail) != 0 || uv_mutex_init(&e->screen) != 0 ||
      uv_sem_init(&e->taken, 0) != 0) {
    free(e); /* they take no memory of their own where this is compiled */
    return UV_ENOMEM;
  }
  *out = e;
  use_utf8();
  (void)tcgetattr(STDIN_FILENO, &e->found);
  int err = uv_pipe(e->wake, 0, 0);
  if (err == 0) err = open_history(e);
  if (err == 0) err = open_edit(e);
  if (err == 0) err = open_handles(e, loop);
  if (err != 0) e->is_closed = 1;
  return err;
}

void cli_editor_free(struct cli_editor *editor) {
  if (editor == NULL) return;
  HistEvent event;
  if (editor->has_thread) uv_thread_join(&editor->thread);
  if (editor->has_thread && editor->history_path.len > 0)
    history(editor->history, &event, H_SAVE, editor->history_path.data);
  free_parts(editor);
}
