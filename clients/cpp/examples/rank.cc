// Prints what to show a shopper, and why each item is there: rank [ADDRESS].
#include <endcap/client.h>

#include <algorithm>
#include <cctype>
#include <iomanip>
#include <iostream>

namespace {

// "bought before", and the item, brand or category that is the evidence, where there is one.
std::string Words(const endcap::v1::Reason& reason) {
  const bool other = reason.code() == endcap::v1::REASON_CODE_OTHER;
  std::string words = other ? reason.feature() : endcap::v1::ReasonCode_Name(reason.code()).substr(12);
  std::transform(words.begin(), words.end(), words.begin(),
                 [](unsigned char letter) { return letter == '_' ? ' ' : static_cast<char>(std::tolower(letter)); });
  const std::string& evidence = reason.item_id().empty() ? reason.attribute() : reason.item_id();
  return evidence.empty() ? words : words + " " + evidence;
}

void Print(const endcap::v1::RankedItem& item) {
  std::cout << std::left << std::setw(40) << item.title() << std::right << std::setw(9) << std::fixed
            << std::setprecision(3) << item.score();
  const char* separator = "  ";
  for (const auto& reason : item.reasons()) {
    std::cout << separator << Words(reason);
    separator = ", ";
  }
  std::cout << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  endcap::v1::RankRequest request;
  request.set_user_id("1234");
  request.set_page_size(5);
  try {
    const endcap::Client client(argc > 1 ? argv[1] : endcap::kDefaultTarget);
    const auto slate = client.Rank(request);
    for (const auto& item : slate.items()) Print(item);
  } catch (const endcap::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
