/** A word as a POSIX shell reads it back: quoted unless nothing in it means anything there. */
export function quoted(word: string): string {
  if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command line of these words. */
export const commandLine = (...words: string[]): string => words.map(quoted).join(' ');

/** A command that is given a text on its standard input. */
export const piped = (text: string, ...words: string[]): string =>
  `printf %s ${quoted(text)} | ${commandLine(...words)}`;
