// Answers of a page on their way to its class: sent in order, sent anew after a lost connection.

const LONGEST = 8000; // characters of a message that the server takes

/** Answers that the server has not acknowledged yet. */
export class AnswerQueue {
  #turn = 0;
  /** @type {{ turn: number, message: object }[]} */
  #waiting = [];

  /** @param {(message: object) => boolean} send */
  constructor(send) {
    this.send = send;
  }

  /**
   * Add the work on a question; false if it is too long to be sent.
   * @param {string} lesson
   * @param {string} question
   * @param {object} work
   */
  add(lesson, question, work) {
    const turn = this.#turn++;
    const message = { type: "answer", turn, lesson, question, work };
    if (JSON.stringify(message).length > LONGEST) return false;
    this.#waiting.push({ turn, message });
    if (this.#waiting.length === 1) this.again();
    return true;
  }

  /** Send the first that waits; the next follows once it is acknowledged. */
  again() {
    if (this.#waiting.length) this.send(this.#waiting[0].message);
  }

  /**
   * Drop the message that the server acknowledged.
   * @param {number} turn
   */
  noted(turn) {
    this.#waiting = this.#waiting.filter((each) => each.turn !== turn);
    this.again();
  }

  get length() {
    return this.#waiting.length;
  }
}
