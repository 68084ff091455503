// A Jest reporter that prints each test as soon as it has ended: a story of several tests takes minutes, and Jest's own
// reporters print nothing before its last one.
module.exports = class {
  onTestCaseResult(_test, { status, title, duration, failureMessages }) {
    const seconds = duration === undefined || duration === null ? "" : ` (${Math.round(duration / 1000)} s)`;
    process.stderr.write(`${status}: ${title}${seconds}\n`);
    for (const message of failureMessages) process.stderr.write(`${message}\n`);
  }
};
