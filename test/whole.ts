import { InvalidArgumentError } from "commander";

/** A whole number of an option, at least `least`: a run of nothing, or of what is no number, would find nothing wrong. */
export const whole =
  (least: number) =>
  (text: string): number => {
    const number = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(number) && number >= least) return number;
    throw new InvalidArgumentError(`Give a whole number, ${least} or more.`);
  };
