/*
 * A password from the terminal. Each key is read by itself, with the signals of the terminal off:
 * their handlers belong to the event loop, which stands still meanwhile, so ^C is seen here, and
 * the terminal is given back as it was found whatever is typed.
 */
#include "cli/password.h"

#if defined(_WIN32)

int cli_password_is_possible(void) {
  return 0;
}

int cli_password_ask(const char *what, char *out, size_t cap) {
  (void)what, (void)out, (void)cap;
  return -1;
}

#else

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { MORE = -2, BROKEN_OFF = -1 };

struct line {
  const cc_t *keys; /* the user's own, by their places in termios */
  char *out;
  size_t cap;
  size_t len;
};

static int open_terminal(void) {
  return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

int cli_password_is_possible(void) {
  int fd = open_terminal();
  if (fd < 0) return 0;
  close(fd);
  return 1;
}

static void show(int fd, const char *text) {
  ssize_t done = write(fd, text, strlen(text));
  (void)done; /* who does not see the question can still answer */
}

/* The last character, which in UTF-8 may be several bytes. */
static void erase(struct line *line) {
  while (line->len > 0 && (line->out[--line->len] & 0xC0) == 0x80)
    ;
}

/* What does not fit is an answer all the same, and a wrong one. */
static void append(struct line *line, char c) {
  if (line->len < line->cap) line->out[line->len++] = c;
}

static int take_key(struct line *line, char c) {
  const cc_t key = (cc_t)c;
  if (c == '\n' || c == '\r') return (int)line->len;
  if (key == line->keys[VINTR] || key == line->keys[VQUIT]) return BROKEN_OFF;
  if (key == line->keys[VEOF]) return line->len > 0 ? (int)line->len : BROKEN_OFF;
  if (key == line->keys[VERASE] || c == '\b' || c == 0x7F)
    erase(line);
  else if (key == line->keys[VKILL])
    line->len = 0;
  else
    append(line, c);
  return MORE;
}

static int read_line(int fd, struct line *line) {
  for (;;) {
    char c;
    ssize_t count = read(fd, &c, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count != 1) return BROKEN_OFF;
    int answer = take_key(line, c);
    if (answer != MORE) return answer;
  }
}

int cli_password_ask(const char *what, char *out, size_t cap) {
  struct termios found;
  int fd = open_terminal();
  if (fd < 0) return BROKEN_OFF;
  int answer = BROKEN_OFF;
  if (tcgetattr(fd, &found) == 0) {
    struct line line = {.keys = found.c_cc, .out = out, .cap = cap};
    struct termios quiet = found;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ICANON | ISIG | IEXTEN);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    (void)tcsetattr(fd, TCSAFLUSH, &quiet); /* what was typed ahead is no password */
    show(fd, "password of ");
    show(fd, what);
    show(fd, ": ");
    answer = read_line(fd, &line);
    show(fd, "\n");
    (void)tcsetattr(fd, TCSANOW, &found);
  }
  close(fd);
  return answer;
}

#endif
