// Command rank-example prints a ranking with titles and reasons: rank-example [ADDRESS] [USER_ID]
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"endcap/clients/go/endcap"
	"endcap/clients/go/endcapv1"
)

func main() {
	address, userID := endcap.DefaultTarget, "1"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if len(os.Args) > 2 {
		userID = os.Args[2]
	}
	if err := show(address, userID); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func show(address, userID string) error {
	client, err := endcap.Dial(address)
	if err != nil {
		return err
	}
	defer client.Close()
	slate, err := client.Rank(context.Background(), &endcapv1.RankRequest{UserId: userID, PageSize: 5})
	if err != nil {
		return err
	}
	fmt.Printf("strategy %s, %d candidates, bundle %s\n", slate.Strategy, slate.CandidateCount, slate.BundleVersion)
	for place, item := range slate.Items {
		fmt.Printf("%d. %s (%s) %.3f; %s; %s\n", place+1, item.Title, item.ItemId, item.Score, sources(item), reasons(item))
	}
	return nil
}

func sources(item *endcapv1.RankedItem) string {
	var texts []string
	for _, source := range item.Sources {
		texts = append(texts, fmt.Sprintf("%s %d", source.Source, source.Rank))
	}
	return strings.Join(texts, ", ")
}

func reasons(item *endcapv1.RankedItem) string {
	var texts []string
	for _, reason := range item.Reasons {
		name := strings.TrimPrefix(reason.Code.String(), "REASON_CODE_")
		texts = append(texts, strings.ToLower(strings.ReplaceAll(name, "_", " ")))
	}
	if len(texts) == 0 {
		return "no reasons"
	}
	return strings.Join(texts, ", ")
}
