/**
 * Errors stored in a status.
 */

/**
 * Makes an error safe to store. Until its stack is first read, V8 keeps the frames in which it was made, with
 * everything their functions reference: a megabyte of a rejected body would live as long as the error.
 */
export const released = <E extends Error>(error: E): E => {
  void error.stack
  return error
}
