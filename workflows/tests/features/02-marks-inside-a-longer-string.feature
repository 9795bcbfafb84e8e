# Ruling 2 of the template language.
Feature: Marks inside a longer string are plain text

  Scenario: The text stays as it is
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r02, version: 1.0.0 }
      do:
        - say: { set: { text: 'Hello ${ .name }!' } }
      """
    And given the workflow input is:
      """yaml
      { name: Ada }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { text: 'Hello ${ .name }!' }
      """

  Scenario: The publisher says so
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r02, version: 1.0.0 }
      do:
        - say: { set: { text: 'Hello ${ .name }!' } }
      """
    Then the workflow should be published with warning 'warning.literal_expression'

  Scenario: An interpolation inside the marks is jq's own
    Given a workflow with definition:
      """yaml
      document: { dsl: '1.0.3', namespace: rulings, name: r02, version: 1.0.0 }
      do:
        - say: { set: { text: '${ "Hello \(.name)!" }' } }
      """
    And given the workflow input is:
      """yaml
      { name: Ada }
      """
    When the workflow is executed
    Then the workflow should complete with output:
      """yaml
      { text: Hello Ada! }
      """
