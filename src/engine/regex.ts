/** Placeholder until the pattern engine lands: overwritten. */
export interface Pattern { readonly test: (text: string) => boolean }
export const compilePattern = (pattern: string): Pattern | undefined => {
  try { const r = new RegExp(pattern, "v"); return { test: t => r.test(t) } } catch { return undefined }
}
