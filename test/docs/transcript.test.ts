import { expect, test } from "vitest";
import { comparison, transcript, words } from "./transcript.ts";

test("commands and their output are taken from console blocks, and scenes from between them", () => {
  const page = "# A\n\n```console\n$ one a\nx\n\ny\n$ two\n```\n\n<!-- lab: it rains -->\n\n```sh\nthree\n```\n";
  expect(transcript(page)).toEqual([{ command: "one a", lines: ["x", "", "y"] }, { command: "two", lines: [] }, { scene: "it rains" }]);
});

test("a quoted text is one word", () => {
  expect(words('hold w1 --reason "Anna has it open" --for 2h')).toEqual(["hold", "w1", "--reason", "Anna has it open", "--for", "2h"]);
});

test("times, durations and ports may differ; words may not", () => {
  const { matches } = comparison();
  expect(matches(["16:00:01Z  done  in 2m 3s at 127.0.0.1:80"], "04:05:06Z  done  in 7s at 127.0.0.1:65000")).toBe(true);
  expect(matches(["16:00:01Z  done  power On"], "16:00:01Z  done  power Off")).toBe(false);
});

test("… is anything on its line, and alone any lines", () => {
  const { matches } = comparison();
  expect(matches(["a … c", "…", "z"], "a b c\nmore\nz")).toBe(true);
  expect(matches(["a", "z"], "a\nmore\nz")).toBe(false);
});

test("a run that the page names is the same run wherever the page names it", () => {
  const { matches, real } = comparison();
  expect(matches(["aaaaaaaaaaaa  waits"], "0123456789ab  waits")).toBe(true);
  expect(real("show aaaaaaaaaaaa --follow")).toBe("show 0123456789ab --follow");
  expect(matches(["aaaaaaaaaaaaaaaaaaaaaaaa is done"], "0123456789abcdef01234567 is done")).toBe(true);
  expect(matches(["aaaaaaaaaaaa is done"], "ba9876543210 is done")).toBe(false);
});
