/* Counting up to what fails. */
#include "fault/fault.h"

#include <string.h>

struct fault fault;

void fault_arm(enum fault_kind kind, size_t at, int goes_on) {
  memset(&fault, 0, sizeof fault);
  fault.kind = kind;
  fault.at = at;
  fault.goes_on = goes_on;
}

void fault_disarm(void) {
  fault.kind = FAULT_NONE;
}

int fault_is_due(enum fault_kind kind) {
  if (kind != fault.kind || fault.held) return 0;
  fault.seen++;
  int is_due = fault.seen == fault.at || (fault.goes_on && fault.seen > fault.at);
  fault.hits += (size_t)is_due;
  return is_due;
}

void fault_hold(void) {
  fault.held++;
}

void fault_let(void) {
  fault.held--;
}
