/* What a connection tells whoever traces it (conn/trace.c). Nothing is made before somebody asks.
 */
#ifndef UVWS_CONN_TRACE_H
#define UVWS_CONN_TRACE_H

#include "uvws.h"

struct uvws__conn;
struct uvws__frame;

/* Who traces the clients of a context. Zeroed: nobody. */
struct uvws__trace {
  uvws_log_level_t level;
  uvws_trace_cb cb;
  void *arg;
};

/* A line at that level; nothing when the level is not asked for. */
void uvws__trace(uvws_t *ws, uvws_log_level_t level, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
int uvws__is_traced(const uvws_t *ws, uvws_log_level_t level);

/* A frame's header; call it only when UVWS_LOG_FRAMES is traced. */
void uvws__trace_frame(uvws_t *ws, int is_in, uint8_t fin, uint8_t rsv, uint8_t opcode,
                       uint64_t payload_len);

/* A head, line by line, without what lets its reader log in. */
void uvws__trace_request(uvws_t *ws, const uint8_t *data, size_t len);
void uvws__trace_answer(struct uvws__conn *c);

#endif
