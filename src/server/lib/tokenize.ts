// Words of one string between delimiters, as strtok(3) cuts them: no word is empty. Pure.

/** Each character of `delim` ends a word. */
export function tokenize_string(text: string, delim: string): string[] {
  const words: string[] = []
  let word = ''
  for (const c of text) {
    if (!delim.includes(c)) word += c
    else if (word !== '') {
      words.push(word)
      word = ''
    }
  }
  if (word !== '') words.push(word)
  return words
}
