Feature: functions of other catalogues (ruling 33)

  Background:
    Given the document at https://templates.example/catalog/functions/score/2.0.0/function.yaml is:
      """yaml
      call: analyse:1.0.0@default
      with: { profile: score, text: '${ .text }' }
      input: { from: '{ text: .words }' }
      output: { as: .score }
      """
    And a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      use: { catalogs: { team: { endpoint: https://templates.example/catalog } } }
      do:
        - judge:
            call: score:2.0.0@team
            with: { words: '${ .said }' }
            output: { as: '{ score: . }' }
      """

  Scenario: the function takes the with of its caller, and its output is the caller's
    Given given the workflow input is:
      """yaml
      { said: good }
      """
    And judge answers:
      """yaml
      { score: 7 }
      """
    When the workflow is executed
    And the engine restarts
    Then judge should have been called with:
      """yaml
      { profile: score, text: good }
      """
    And the workflow should complete with output:
      """yaml
      { score: 7 }
      """
