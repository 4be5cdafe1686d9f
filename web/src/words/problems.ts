// What the server refuses, in sentences for people: problems, rejections and wrong fields by their stable codes.
import type { Problem } from '../net/http';
import type { FieldError } from '../wire/http';
import { w } from './language.svelte';

/** The sentence for a code that the server gives, be it of a problem, a rejected command or a refused booking. */
export function sayCode(code: string): string {
  return (w.problems.codes as Record<string, string>)[code] ?? w.problems.unknown(code);
}

/** The sentence for a problem. */
export function sayProblem(problem: Problem): string {
  const [wrong] = problem.fields;
  if (problem.code === 'invalid' && wrong) return sayField(wrong);
  return sayCode(problem.code);
}

/** The sentence for a wrong field. */
export function sayField(wrong: FieldError): string {
  return (w.problems.fields as Record<string, string>)[wrong.code] ?? w.problems.wrongField;
}
