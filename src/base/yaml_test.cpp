#include "base/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace zoetrope {
namespace {

using testing::HasSubstr;

std::string error_of(const std::string& text) {
  try {
    Yaml::parse(text, "f.yaml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Yaml, ReadsMapsListsAndScalars) {
  const Yaml y = Yaml::parse("a: 1.5\nb:\n  - x\n  - {c: true, d: -7}\ne: '12'\nf:\n", "f.yaml");
  EXPECT_EQ(y.at("a").as_number(), 1.5);
  EXPECT_EQ(y.at("b").as_list()[0].as_string(), "x");
  EXPECT_TRUE(y.at("b").as_list()[1].at("c").as_bool());
  EXPECT_EQ(y.at("b").as_list()[1].at("d").as_integer(), -7);
  EXPECT_EQ(y.at("e").as_string(), "12");
  EXPECT_EQ(y.find("f"), nullptr);
  EXPECT_EQ(y.at("b").as_list()[1].at("d").where(), "f.yaml:4: field 'b[1].d'");
}

TEST(Yaml, TypeErrorsNameLineAndField) {
  const Yaml y =
      Yaml::parse("a:\n  b: [1]\n  c: no\n  d: '3'\n  e: .nan\n  f: 1e999\n  g: 0x10\n  h: 1.5\n", "f.yaml");
  const Yaml& a = y.at("a");
  for (const char* key : {"b", "c", "d", "e", "f", "g"})
    EXPECT_THROW(a.at(key).as_number(), InputError) << key;
  EXPECT_THROW(a.at("c").as_bool(), InputError);
  EXPECT_THROW(a.at("h").as_integer(), InputError);
  try {
    a.at("b").as_number();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("f.yaml:2"));
    EXPECT_THAT(error.what(), HasSubstr("a.b"));
    EXPECT_THAT(error.what(), HasSubstr("a list"));
  }
}

TEST(Yaml, RefusesWhatCanBeAbused) {
  EXPECT_THAT(error_of("a: &x 1\nb: *x\n"), HasSubstr("anchors"));
  EXPECT_THAT(error_of("a: !!python/object 1\n"), HasSubstr("tags"));
  EXPECT_THAT(error_of("a: !!map {b: 1}\n"), HasSubstr("tags"));
  EXPECT_THAT(error_of("a: 1\nb: 2\na: 3\n"), HasSubstr("f.yaml:3"));
  EXPECT_THAT(error_of(std::string(10000, '[')), testing::Not(""));
  EXPECT_THAT(error_of("a: " + std::string(33, '[') + std::string(33, ']')), HasSubstr("deeper"));
  EXPECT_THAT(error_of(std::string(100000, 'k') + ": 1"), testing::Not(""));
  EXPECT_THAT(error_of("? [a, b]\n: 1\n"), HasSubstr("key"));
  EXPECT_THAT(error_of("a: 1\n---\nb: 2\n"), HasSubstr("document"));
  EXPECT_THAT(error_of(""), HasSubstr("empty"));
  EXPECT_THAT(error_of("a: [1, 2\nb: 3\n"), HasSubstr("f.yaml:"));
  std::string many = "a: [";
  for (int i = 0; i < 100001; ++i) many += "1,";
  EXPECT_THAT(error_of(many + "]"), HasSubstr("100,000"));
}

TEST(Yaml, UnknownKeysOfferTheNearest) {
  const Yaml y = Yaml::parse("stepz: 4\n", "f.yaml");
  try {
    y.only({"model", "steps"});
    FAIL() << "an unknown key was taken";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("steps"));
    EXPECT_THAT(error.what(), HasSubstr("f.yaml:1"));
  }
  EXPECT_THROW(y.at("model"), InputError);
}

}  // namespace
}  // namespace zoetrope
