// Tokenizers of folders that have no tokenizer.json: a sentencepiece model, run by libsentencepiece.
#pragma once

#include "text/tokenizer.h"

namespace zoetrope {

// Which tokens go around a text.
struct SentencepieceEnds {
  bool bos = false;
  bool eos = true;
};

// `bytes` is the model file, `name` goes into errors. Throws InputError where the model is damaged.
std::unique_ptr<Tokenizer> parse_sentencepiece(const std::string& bytes, const std::string& name,
                                               const SentencepieceEnds& ends);

// Checks what libsentencepiece takes on trust: the wire format, finite scores, and that no step through the
// character map's trie leaves it. Throws InputError.
void check_sentencepiece(std::string_view bytes, const std::string& name);

}  // namespace zoetrope
