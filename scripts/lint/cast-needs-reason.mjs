const isConst = (type) => type.type === 'TSTypeReference' && type.typeName.type === 'Identifier' && type.typeName.name === 'const';

/**
 * A type assertion is a promise the compiler cannot check: the line, or a comment just above it, says `CAST: why it holds`.
 * A reason that says "below" holds for the rest of its file (a row of constructors with one reason). `as const` promises nothing.
 */
export const castNeedsReason = {
  meta: {
    type: 'problem',
    docs: { description: 'a type assertion says why it holds' },
    messages: { reason: 'A cast needs its reason: `// CAST: …` on this line or just above.' },
    schema: [],
  },
  create(context) {
    const { sourceCode } = context;
    let reasons;

    function readReasons() {
      const comments = sourceCode.getAllComments();
      const lines = new Set();
      let restOfFileFrom = Infinity;
      for (const [index, { value, loc }] of comments.entries()) {
        if (!value.includes('CAST:')) continue;
        // A reason of several line comments ends where the comments end.
        let last = loc.end.line;
        for (const next of comments.slice(index + 1)) {
          if (next.loc.start.line !== last + 1) break;
          last = next.loc.end.line;
        }
        for (let line = loc.start.line; line <= last + 1; line++) lines.add(line);
        if (/\bbelow\b/.test(value)) restOfFileFrom = Math.min(restOfFileFrom, loc.start.line);
      }
      return { lines, restOfFileFrom };
    }

    function check(node) {
      if (isConst(node.typeAnnotation)) return;
      reasons ??= readReasons();
      let statement = node;
      while (statement.parent && !/Statement|Declaration|PropertyDefinition/.test(statement.type)) statement = statement.parent;
      const lines = [node.loc.start.line, node.loc.end.line, statement.loc.start.line];
      if (node.loc.start.line >= reasons.restOfFileFrom || lines.some((line) => reasons.lines.has(line))) return;
      context.report({ node, messageId: 'reason' });
    }

    return { TSAsExpression: check, TSTypeAssertion: check };
  },
};
